//! Did you mean …?

/// The word that is nearest to what was written, if one is near: few letters differ, or they begin alike.
pub fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = |word: &str| {
        let letters = written.chars().count().max(word.chars().count());
        let differ = strsim::damerau_levenshtein(written, word);
        differ <= 1.max(letters / 4) && differ < letters || strsim::jaro_winkler(written, word) > 0.85
    };
    let near = words.into_iter().filter(|word| near(word));
    near.min_by_key(|word| strsim::damerau_levenshtein(written, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("amss", ["fra", "ams", "lon"]), Some("ams"));
        assert_eq!(nearest("lba", ["lab", "prod"]), Some("lab"));
        assert_eq!(nearest("zzz", ["fra", "ams"]), None);
        assert_eq!(nearest("a", []), None);
    }
}
