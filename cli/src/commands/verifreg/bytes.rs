//! Amounts of storage as people write them.

use fvm_shared::bigint::BigInt;

/// What a unit multiplies by, as a power of two.
const UNITS: [(&str, u32); 7] = [
    ("KiB", 10),
    ("MiB", 20),
    ("GiB", 30),
    ("TiB", 40),
    ("PiB", 50),
    ("EiB", 60),
    ("B", 0),
];

/// Bytes from `1024`, `1_024`, `512MiB`, `1 TiB`.
///
/// # Errors
/// What is wrong with it, and how to write it.
pub fn bytes(text: &str) -> Result<BigInt, String> {
    let text = text.trim();
    let unit = UNITS.iter().find(|(unit, _)| text.ends_with(unit));
    let (digits, power) = match unit {
        Some((unit, power)) => (text.strip_suffix(unit).unwrap_or(text), *power),
        None => (text, 0),
    };
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    let number = digits.trim();
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!(
            "expected bytes, such as 1048576, 512MiB or 1TiB, got \"{text}\""
        ));
    }
    let number: BigInt = number
        .parse()
        .map_err(|_| format!("`{number}` is no number"))?;
    Ok(number << power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_two() {
        for (text, expected) in [
            ("0", 0_u64),
            ("1_024", 1 << 10),
            ("2KiB", 2 << 10),
            ("512 MiB", 512 << 20),
            ("1TiB", 1 << 40),
            ("7B", 7),
        ] {
            assert_eq!(bytes(text), Ok(expected.into()), "{text}");
        }
        assert_eq!(bytes("16EiB").unwrap(), BigInt::from(16) << 60);
        for wrong in ["", "TiB", "1.5TiB", "-1", "1TB", "harbour"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
