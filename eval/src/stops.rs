//! Where a text that comes piece by piece ends: at a stop string, of which nothing is ever shown.

/// A text that ends before the first of some strings.
///
/// It is given text in pieces and gives on what cannot belong to a stop string any more: what comes out does not depend on
/// how the text was cut into pieces. Of several strings, the one that is complete first ends the text, and of those that are
/// complete at the same character the longest.
#[derive(Clone, Debug, Default)]
pub struct StopStream {
    stops: Vec<String>,
    /// What may be the beginning of a stop string.
    held: String,
    /// Which string has ended the text.
    stopped: Option<usize>,
}

impl StopStream {
    /// A text that ends before the first of `stops`. Empty strings end nothing.
    pub fn new(stops: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { stops: stops.into_iter().map(Into::into).collect(), held: String::new(), stopped: None }
    }

    /// Adds a piece of text, and gives the text that is certain now. After a stop string that is none any more.
    pub fn push(&mut self, text: &str) -> String {
        if self.stopped.is_some() {
            return String::new();
        }
        self.held.push_str(text);
        let stops = || self.stops.iter().enumerate().filter(|(_, stop)| !stop.is_empty());
        let found =
            stops().filter_map(|(index, stop)| Some((self.held.find(stop.as_str())?, stop.len(), index)));
        if let Some((start, _, index)) = found.min_by_key(|&(start, length, _)| (start + length, start)) {
            self.stopped = Some(index);
            let mut text = std::mem::take(&mut self.held);
            text.truncate(start);
            return text;
        }
        let begun = |stop: &str| {
            let longest = self.held.len().min(stop.len() - 1);
            let begins = |&length: &usize| {
                stop.is_char_boundary(length) && self.held.as_bytes().ends_with(&stop.as_bytes()[..length])
            };
            (1..=longest).rev().find(begins).unwrap_or(0)
        };
        let kept = stops().map(|(_, stop)| begun(stop)).max().unwrap_or(0);
        let rest = self.held.split_off(self.held.len() - kept);
        std::mem::replace(&mut self.held, rest)
    }

    /// The stop string that has ended the text, by its position in the list.
    pub fn stopped(&self) -> Option<usize> {
        self.stopped
    }

    /// The text is over: what was held back, if it did not become a stop string.
    pub fn finish(self) -> String {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The text before the stop string that is complete first.
    fn at_once(text: &str, stops: &[String]) -> (String, Option<usize>) {
        for end in (0..=text.len()).filter(|&end| text.is_char_boundary(end)) {
            let ending = stops.iter().enumerate().filter(|(_, stop)| !stop.is_empty());
            let ending = ending.filter(|(_, stop)| text[..end].ends_with(stop.as_str()));
            if let Some((index, stop)) = ending.rev().max_by_key(|(_, stop)| stop.len()) {
                return (text[..end - stop.len()].to_owned(), Some(index));
            }
        }
        (text.to_owned(), None)
    }

    #[track_caller]
    fn check(stops: &[&str], pieces: &[&str], expected: &[&str], rest: &str) {
        let mut stream = StopStream::new(stops.iter().copied());
        let got: Vec<String> = pieces.iter().map(|piece| stream.push(piece)).collect();
        assert_eq!(got, expected);
        assert_eq!(stream.finish(), rest);
    }

    #[test]
    fn what_may_belong_to_a_stop_string_waits() {
        check(&["\nUser:"], &["Hi.", "\n", "Us", "er:", " no"], &["Hi.", "", "", "", ""], "");
        check(&["\nUser:"], &["Hi.\nUse", "less", "\n"], &["Hi.", "\nUseless", ""], "\n");
        check(&["ab", "abc"], &["xa", "bc"], &["x", ""], "");
        check(&["bc", "abcd"], &["ab", "cd"], &["", "a"], "");
        check(&["aab"], &["aa", "a", "b", "x"], &["", "a", "", ""], "");
        check(&["", "é€"], &["aé", "x€é€"], &["a", "éx€"], "");
        check(&[], &["\nUser:"], &["\nUser:"], "");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None, ..ProptestConfig::with_cases(graph::testing::size::cases(64, 512))
        })]

        /// However a text is cut, the same of it is shown, and nothing of the string that ends it.
        #[test]
        fn a_text_does_not_depend_on_how_it_comes(
            text in "[abé]{0,24}",
            stops in prop::collection::vec("[abé]{0,4}", 0..4),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
            places.retain(|&place| text.is_char_boundary(place));
            places.extend([0, text.len()]);
            places.sort_unstable();
            let mut stream = StopStream::new(stops.clone());
            let mut shown = String::new();
            for pair in places.windows(2) {
                shown.push_str(&stream.push(&text[pair[0]..pair[1]]));
                let (expected, _) = at_once(&text, &stops);
                prop_assert!(expected.starts_with(&shown));
            }
            let (expected, index) = at_once(&text, &stops);
            prop_assert_eq!(stream.stopped().map(|index| &stops[index]), index.map(|index| &stops[index]));
            shown.push_str(&stream.finish());
            prop_assert_eq!(shown, expected);
        }
    }
}
