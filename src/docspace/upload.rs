//! The form with which a small file is uploaded (docs/DOCSPACE.md A9.5).

/// What the portal does if the folder has a file of the title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// It stores a new version of that file. If the file is open or locked, or the key's user may not change it, it makes a
    /// second file of the title instead.
    Overwrite,
    /// It gives the new file a number.
    Number,
}

/// A form for a file.
#[derive(Debug)]
pub(super) struct UploadForm {
    /// The content type, with the boundary of the form's parts.
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

impl UploadForm {
    /// A form for a file of this title. The portal takes the title from a field of its own, so that no character of it
    /// matters to the form.
    pub(super) fn new(title: &str, content: &[u8], if_exists: IfExists) -> Self {
        // Nobody can have put it into the content or the title.
        let boundary = format!("{:032x}", fastrand::u128(..));
        let creates = if_exists == IfExists::Number;
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n{title}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"createNewIfExist\"\r\n\r\n{creates}\r\n\
             --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"content\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        Self {
            content_type: format!("multipart/form-data; boundary={boundary}"),
            body: [head.as_bytes(), content, tail.as_bytes()].concat(),
        }
    }
}
