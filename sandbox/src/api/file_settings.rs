//! The settings of files, above all the formats that the portal opens and converts (`FilesSettingsDto.cs` of
//! DocSpace-server). The formats are those that the sandbox knows.

use serde_json::{Map, Value, json};

use super::{ApiResult, Responder};
use crate::conversion::opened_as;
use crate::json::file_type_of;

/// The formats.
const EXTENSIONS: [&str; 30] = [
    ".zip", ".rar", ".7z", ".gz", ".mp4", ".avi", ".mov", ".mp3", ".wav", ".jpg", ".jpeg", ".png",
    ".gif", ".bmp", ".svg", ".xlsx", ".xls", ".ods", ".csv", ".pptx", ".ppt", ".odp", ".docx",
    ".doc", ".odt", ".rtf", ".txt", ".html", ".md", ".pdf",
];

/// The formats to which documents of a kind can be converted, by DocSpace's number for the kind.
const TARGETS: [(u8, &[&str]); 4] = [
    (5, &[".xlsx", ".ods", ".csv", ".pdf"]),
    (6, &[".pptx", ".odp", ".pdf"]),
    (7, &[".docx", ".odt", ".rtf", ".txt", ".pdf"]),
    (10, &[".docx", ".txt", ".pdf"]),
];

/// Reads the settings.
pub(super) async fn settings(responder: Responder) -> ApiResult {
    let of_kinds = |kinds: &[u8]| {
        let extensions = EXTENSIONS.into_iter();
        extensions
            .filter(|extension| kinds.contains(&file_type_of(extension)))
            .collect::<Vec<_>>()
    };
    let must_convert = EXTENSIONS
        .into_iter()
        .filter(|extension| opened_as(extension).is_some());
    let base = &responder.base_url;
    let handler = format!("{base}/filehandler.ashx");
    let editor = format!("{base}/doceditor");
    let settings = json!({
        "extsImagePreviewed": of_kinds(&[4]),
        "extsMediaPreviewed": of_kinds(&[2, 3]),
        "extsWebPreviewed": of_kinds(&[5, 6, 7, 10]),
        "extsWebEdited": of_kinds(&[5, 6, 7, 10]),
        "extsMustConvert": must_convert.collect::<Vec<_>>(),
        "extsConvertible": convertible(),
        "extsUploadable": EXTENSIONS,
        "extsArchive": of_kinds(&[1]),
        "extsVideo": of_kinds(&[2]),
        "extsAudio": of_kinds(&[3]),
        "extsImage": of_kinds(&[4]),
        "extsSpreadsheet": of_kinds(&[5]),
        "extsPresentation": of_kinds(&[6]),
        "extsDocument": of_kinds(&[7, 10]),
        "internalFormats": {
            "Document": ".docx", "Spreadsheet": ".xlsx", "Presentation": ".pptx", "Pdf": ".pdf",
        },
        "masterFormExtension": ".pdf",
        "paramVersion": "version",
        "paramOutType": "outputtype",
        "fileDownloadUrlString": format!("{handler}?action=download&fileid={{0}}"),
        "fileWebViewerUrlString": format!("{editor}?fileid={{0}}&action=view"),
        "fileWebEditorUrlString": format!("{editor}?fileid={{0}}"),
        "confirmDelete": true,
        "enableThirdParty": false,
        "externalShare": true,
        "storeOriginalFiles": true,
        "keepNewFileName": false,
        "displayFileExtension": false,
        "defaultOrder": { "is_asc": false, "property": 1 },
        "downloadTarGz": false,
        "automaticallyCleanUp": { "isAutoCleanUp": true, "gap": 4 },
        "canSearchByContent": false,
        "defaultSharingAccessRights": [7],
        "maxUploadThreadCount": 15,
        "chunkUploadSize": 10_485_760,
        "openEditorInSameTab": false,
    });
    Ok(responder.ok(&settings))
}

/// The formats to which each format can be converted.
fn convertible() -> Value {
    let pairs = EXTENSIONS.into_iter().filter_map(|extension| {
        let kind = file_type_of(extension);
        let (_, targets) = TARGETS.into_iter().find(|(known, _)| *known == kind)?;
        let targets = targets.iter().filter(|target| **target != extension);
        Some((extension.to_owned(), targets.copied().collect()))
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}
