//! Suggests the known word that a misspelt one stands for.

/// How similar a word must be to a known one to be suggested, from 0 to 1.
const MIN_SIMILARITY: f64 = 0.7;

/// "did you mean" the known word that is most similar to this one; `None` if none is similar.
pub(crate) fn did_you_mean<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    closest_match(word, known).map(|known| format!("did you mean {known}?"))
}

/// The known word that is most similar to this one, if one is similar. Letter case makes no difference.
pub(crate) fn closest_match<'k>(
    word: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<&'k str> {
    let lower = word.to_lowercase();
    known
        .into_iter()
        .map(|known| (similarity(word, known), known))
        .filter(|(similarity, known)| {
            *similarity >= MIN_SIMILARITY
                || word.len() > 2 && known.to_lowercase().starts_with(&lower)
        })
        .max_by(|one, other| one.0.total_cmp(&other.0))
        .map(|(_, known)| known)
}

/// How similar two words are, from 0 to 1. Letter case makes no difference.
pub(crate) fn similarity(one: &str, other: &str) -> f64 {
    strsim::normalized_damerau_levenshtein(&one.to_lowercase(), &other.to_lowercase())
}
