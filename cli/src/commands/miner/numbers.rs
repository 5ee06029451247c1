//! Numbers of sectors, as people write them.

use std::ops::RangeInclusive;
use std::str::FromStr;

use fvm_shared::sector::SectorNumber;

/// The highest number that a sector may have.
const LAST: SectorNumber = i64::MAX as SectorNumber;
/// Most sectors that one word names; a message holds fewer.
const MOST: u64 = 10_000;

/// A sector or several in a row: `3`, `5-9`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers(pub RangeInclusive<SectorNumber>);

impl FromStr for Numbers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let number = |text: &str| -> Result<SectorNumber, String> {
            text.parse()
                .ok()
                .filter(|number| *number <= LAST)
                .ok_or_else(|| format!("`{text}` is no number of a sector; write 3 or 5-9"))
        };
        let (first, last) = (number(first)?, number(last)?);
        if last < first {
            return Err("the first number is larger than the last".into());
        }
        if last - first >= MOST {
            return Err(format!("more than {MOST} sectors in a row"));
        }
        Ok(Self(first..=last))
    }
}

/// All numbers, each once, in order.
pub fn all(words: &[Numbers]) -> Vec<SectorNumber> {
    let mut numbers: Vec<_> = words.iter().flat_map(|word| word.0.clone()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_alone_or_in_rows() {
        let words: Vec<Numbers> = ["7", "2-4", "3"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        assert_eq!(all(&words), [2, 3, 4, 7]);
        for wrong in ["", "-", "4-2", "x", "1-", "0-10000", "99999999999999999999"] {
            assert!(wrong.parse::<Numbers>().is_err(), "{wrong}");
        }
    }
}
