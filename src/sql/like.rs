//! LIKE: `%` is any run of characters, `_` any one of them.

/// A pattern's piece.
#[derive(Clone, Copy, PartialEq)]
enum Piece {
    Any,
    One,
    Char(char),
}

/// Whether the whole text matches. Time is at most the product of the lengths, whatever the pattern.
pub(super) fn like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let text: Vec<char> = text.chars().collect();
    let pattern = pieces(pattern, escape);
    let (mut at, mut piece) = (0, 0);
    // Where to go on when what follows the last % turns out not to match.
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(piece) {
            Some(Piece::Any) => {
                retry = Some((at, piece));
                piece += 1;
            }
            Some(Piece::One) => (at, piece) = (at + 1, piece + 1),
            Some(Piece::Char(c)) if *c == text[at] => (at, piece) = (at + 1, piece + 1),
            _ => match retry {
                Some((from, any)) => {
                    retry = Some((from + 1, any));
                    (at, piece) = (from + 1, any + 1);
                }
                None => return false,
            },
        }
    }
    pattern[piece..].iter().all(|p| *p == Piece::Any)
}

fn pieces(pattern: &str, escape: Option<char>) -> Vec<Piece> {
    let mut chars = pattern.chars();
    let mut pieces = Vec::new();
    while let Some(c) = chars.next() {
        pieces.push(match c {
            c if Some(c) == escape => Piece::Char(chars.next().unwrap_or(c)),
            '%' => Piece::Any,
            '_' => Piece::One,
            c => Piece::Char(c),
        });
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// The definition, at exponential cost.
    fn naive(text: &[char], pattern: &[char]) -> bool {
        match (pattern.first(), text.first()) {
            (None, _) => text.is_empty(),
            (Some('%'), _) => (0..=text.len()).any(|n| naive(&text[n..], &pattern[1..])),
            (Some('_'), Some(_)) => naive(&text[1..], &pattern[1..]),
            (Some(p), Some(t)) if p == t => naive(&text[1..], &pattern[1..]),
            _ => false,
        }
    }

    #[test]
    fn as_defined() {
        let mut rng = SmallRng::seed_from_u64(5);
        let mut matched = 0;
        for _ in 0..20_000 {
            let mut random = |letters: &[char], max| -> Vec<char> {
                (0..rng.random_range(0..max)).map(|_| letters[rng.random_range(0..letters.len())]).collect()
            };
            let text = random(&['a', 'b', 'é'], 8);
            let pattern = random(&['a', 'b', 'é', '%', '_'], 6);
            let expected = naive(&text, &pattern);
            matched += u32::from(expected);
            let (text, pattern): (String, String) = (text.iter().collect(), pattern.iter().collect());
            assert_eq!(like(&text, &pattern, None), expected, "{text} LIKE {pattern}");
        }
        assert!(matched > 1_000);
    }

    #[test]
    fn escapes() {
        assert!(like("100%", "100!%", Some('!')));
        assert!(!like("1000", "100!%", Some('!')));
        assert!(like("a!", "a!!", Some('!')));
    }
}
