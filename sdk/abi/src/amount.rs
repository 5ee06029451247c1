//! How people write money.

use fvm_shared::bigint::{BigInt, Sign};
use fvm_shared::econ::TokenAmount;
use num_bigint::BigUint;
use num_traits::Signed;

/// Units with the power of ten that they are of one attoFIL.
const UNITS: &[(&str, u32)] = &[
    ("attofil", 0),
    ("afil", 0),
    ("wei", 0),
    ("femtofil", 3),
    ("ffil", 3),
    ("picofil", 6),
    ("pfil", 6),
    ("nanofil", 9),
    ("nfil", 9),
    ("gwei", 9),
    ("microfil", 12),
    ("ufil", 12),
    ("millifil", 15),
    ("mfil", 15),
    ("fil", 18),
    ("tfil", 18),
    ("ether", 18),
];

/// Longest text that is looked at; an amount on chain has at most 308 digits.
const MAX_TEXT: usize = 400;

/// An amount such as `1.5 FIL`, `20 nanoFIL`, `3gwei` or, without a unit, a
/// whole number of attoFIL.
///
/// # Errors
/// A sentence that says what is wrong: an unknown unit, a fraction without a
/// unit, more digits than there are attoFIL.
///
/// ```
/// # use boatyard_abi::parse_amount;
/// assert_eq!(parse_amount("1.5 FIL").unwrap().atto().to_string(), "1500000000000000000");
/// assert!(parse_amount("1.5").is_err());
/// ```
pub fn parse_amount(text: &str) -> Result<TokenAmount, String> {
    let refuse = |why: &str| {
        Err(format!(
            "`{}` is not a token amount: {why}",
            text.chars().take(60).collect::<String>()
        ))
    };
    let trimmed = text.trim();
    if trimmed.len() > MAX_TEXT {
        return refuse("too long");
    }
    let (negative, rest) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed),
    };
    let split = rest
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != '_')
        .unwrap_or(rest.len());
    let (number, unit) = rest.split_at(split);
    let unit = unit.trim();
    let number = number.replace('_', "");
    let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
    if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
        return refuse("write a number and a unit, such as 1.5 FIL");
    }
    let power = if unit.is_empty() {
        if number.contains('.') {
            return refuse(&format!(
                "a fraction needs a unit; did you mean {number} FIL?"
            ));
        }
        0
    } else {
        let wanted = unit.to_lowercase().replace('µ', "u");
        match UNITS.iter().find(|(name, _)| *name == wanted) {
            Some((_, power)) => *power,
            None => {
                return refuse(
                    "unknown unit; there are FIL, milliFIL, microFIL, nanoFIL, picoFIL, femtoFIL and attoFIL",
                );
            }
        }
    };
    let fraction = fraction.trim_end_matches('0');
    let zeros = match (power as usize).checked_sub(fraction.len()) {
        Some(zeros) => zeros,
        None => return refuse("it has parts smaller than an attoFIL"),
    };
    let digits = format!("{whole}{fraction}{}", "0".repeat(zeros));
    let Some(magnitude) = BigUint::parse_bytes(digits.as_bytes(), 10) else {
        return refuse("write a number and a unit, such as 1.5 FIL");
    };
    let sign = if negative { Sign::Minus } else { Sign::Plus };
    Ok(TokenAmount::from_atto(BigInt::from_biguint(
        sign, magnitude,
    )))
}

/// An amount for people, exact: in FIL, or in nanoFIL or attoFIL if it is small.
///
/// ```
/// # use boatyard_abi::{format_amount, parse_amount};
/// assert_eq!(format_amount(&parse_amount("1500000000000000000").unwrap()), "1.5 FIL");
/// assert_eq!(format_amount(&parse_amount("12").unwrap()), "12 attoFIL");
/// ```
pub fn format_amount(amount: &TokenAmount) -> String {
    let atto = amount.atto();
    let sign = if atto.is_negative() { "-" } else { "" };
    let digits = atto.magnitude().to_string();
    let (power, unit) = match digits.len() {
        _ if digits == "0" => (0, "FIL"),
        1..=6 => (0, "attoFIL"),
        7..=14 => (9, "nanoFIL"),
        _ => (18, "FIL"),
    };
    let padded = format!("{digits:0>width$}", width = power + 1);
    let (whole, fraction) = padded.split_at(padded.len() - power);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction} {unit}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn units_and_fractions_are_understood() {
        for (text, atto) in [
            ("0", "0"),
            ("1 FIL", "1000000000000000000"),
            ("1fil", "1000000000000000000"),
            (".5 FIL", "500000000000000000"),
            ("1_000 attoFIL", "1000"),
            ("2.000 nanoFIL", "2000000000"),
            ("3gwei", "3000000000"),
            ("-1 mFIL", "-1000000000000000"),
            ("7 µFIL", "7000000000000"),
        ] {
            assert_eq!(
                parse_amount(text).unwrap().atto().to_string(),
                atto,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_in_words() {
        for (text, words) in [
            ("", "such as 1.5 FIL"),
            ("FIL", "such as 1.5 FIL"),
            ("1.5", "did you mean 1.5 FIL?"),
            ("1.2.3 FIL", "such as 1.5 FIL"),
            ("1 dollar", "unknown unit"),
            ("1.5 attoFIL", "smaller than an attoFIL"),
            (&"9".repeat(500), "too long"),
        ] {
            let error = parse_amount(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_is_what_there_is(atto in any::<i128>()) {
            let amount = TokenAmount::from_atto(atto);
            prop_assert_eq!(parse_amount(&format_amount(&amount)).unwrap(), amount);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".*") {
            let _ = parse_amount(&text);
        }
    }
}
