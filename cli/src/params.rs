//! From words on a command line to the JSON of parameters.

use boatyard_abi::{Field, Schema};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// How parameters may be written, for error messages; the help pages say more.
pub const HELP: &str = "write them by position (5 f01000), by name (by=5 to=f01000), or as JSON ('{\"by\": 5}'); `boatyard call --help` shows more";

/// The JSON of parameters of this shape.
///
/// # Errors
/// A file that cannot be read, JSON that does not parse, an unknown or
/// repeated name.
pub fn from_words(schema: &Schema, words: &[String]) -> Result<Value, Failure> {
    if let [only] = words {
        if let Some(path) = only.strip_prefix('@') {
            return from_file(path);
        }
        if let Some(value) = json(only)? {
            return Ok(value);
        }
    }
    let Schema::Tuple { fields, .. } = schema else {
        return match words {
            [] => Ok(Value::Null),
            [only] => word(schema, only),
            several => Err(Failure::new(format!(
                "the method takes one value ({schema}), not {}",
                several.len()
            ))
            .help(HELP)),
        };
    };
    if words.is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let names: Vec<Option<(&Field, &str)>> = words.iter().map(|word| named(fields, word)).collect();
    if names.iter().all(Option::is_some) {
        let mut object = Map::new();
        for (field, text) in names.into_iter().flatten() {
            let value = word(&field.schema, text)?;
            if object.insert(field.name.clone(), value).is_some() {
                return Err(Failure::new(format!("`{}` is given twice", field.name)));
            }
        }
        return Ok(Value::Object(object));
    }
    if words.len() != fields.len() {
        return Err(Failure::new(format!(
            "the method takes {} ({schema}), not {}",
            counted(fields.len()),
            words.len()
        ))
        .help(HELP));
    }
    fields
        .iter()
        .zip(words)
        .map(|(field, text)| word(&field.schema, text))
        .collect::<Result<Vec<_>, _>>()
        .map(Value::Array)
}

/// Arguments of a Solidity function: JSON where a word looks like it, else text.
///
/// # Errors
/// JSON that does not parse.
pub fn solidity(words: &[String]) -> Result<Vec<Value>, Failure> {
    words.iter().map(|word| Ok(json_or_text(word))).collect()
}

/// Parameters of a method of which nobody knows the shape: bytes as `0x…`, or
/// any CBOR as JSON.
///
/// # Errors
/// More than one word, or JSON that does not parse.
pub fn unknown(words: &[String]) -> Result<Value, Failure> {
    match words {
        [] => Ok(Value::Null),
        [only] if only.starts_with('@') => from_file(&only[1..]),
        [only] => Ok(match serde_json::from_str(only) {
            Ok(value) => value,
            Err(_) => Value::String(only.clone()),
        }),
        _ => Err(Failure::new("the actor's ABI is unknown, so its parameters are one value")
            .help("give the block as 0x…, or its CBOR as JSON, such as '[5, {\"/\": {\"bytes\": \"0x00\"}}]'")),
    }
}

/// `name=value` with a field's name.
fn named<'a>(fields: &'a [Field], word: &'a str) -> Option<(&'a Field, &'a str)> {
    let (name, value) = word.split_once('=')?;
    let folded = |text: &str| text.replace(['_', '-'], "").to_lowercase();
    let field = fields
        .iter()
        .find(|field| folded(&field.name) == folded(name))?;
    Some((field, value))
}

/// One word as a value of a shape.
fn word(schema: &Schema, text: &str) -> Result<Value, Failure> {
    match schema {
        Schema::Text => Ok(Value::String(text.to_owned())),
        Schema::Optional(_) if text == "null" => Ok(Value::Null),
        Schema::Optional(inner) => word(inner, text),
        Schema::Any | Schema::Raw | Schema::Null | Schema::Nothing => {
            Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
        }
        _ => Ok(match json(text)? {
            Some(value) => value,
            None => Value::String(text.to_owned()),
        }),
    }
}

fn json_or_text(text: &str) -> Value {
    match text.trim_start().starts_with(['{', '[']) {
        true => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())),
        false => Value::String(text.to_owned()),
    }
}

/// A word that begins like a JSON object or array must be one.
fn json(text: &str) -> Result<Option<Value>, Failure> {
    if !text.trim_start().starts_with(['{', '[']) {
        return Ok(None);
    }
    serde_json::from_str(text).map(Some).map_err(|error| {
        Failure::new(format!("`{text}` begins like JSON but is none"))
            .because(error)
            .help("in a shell, put JSON between single quotes")
    })
}

fn from_file(path: &str) -> Result<Value, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("{path} cannot be read")).because(error))?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{path} is not JSON")).because(error))
}

fn counted(count: usize) -> String {
    match count {
        1 => "1 parameter".into(),
        count => format!("{count} parameters"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn transfer() -> Schema {
        let field = |name: &str, schema| Field {
            name: name.into(),
            schema,
        };
        Schema::Tuple {
            name: "Transfer".into(),
            fields: vec![
                field("to_whom", Schema::Address),
                field("amount", Schema::TokenAmount),
                field("memo", Schema::Optional(Box::new(Schema::Text))),
            ],
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn every_way_of_writing_parameters_is_understood() {
        for (given, expected) in [
            (&["f01", "1 FIL", "null"][..], json!(["f01", "1 FIL", null])),
            (
                &["to-whom=f01", "AMOUNT=1 FIL"],
                json!({"to_whom": "f01", "amount": "1 FIL"}),
            ),
            (
                &["amount=1 FIL", "to_whom=f01", "memo=a=b"],
                json!({"to_whom": "f01", "amount": "1 FIL", "memo": "a=b"}),
            ),
            (&[r#"{"to_whom": "f01"}"#], json!({"to_whom": "f01"})),
            (&[r#" ["f01", 5, null]"#], json!(["f01", 5, null])),
            (&[], json!({})),
        ] {
            assert_eq!(
                from_words(&transfer(), &words(given)).unwrap(),
                expected,
                "{given:?}"
            );
        }
        assert_eq!(
            from_words(&Schema::Uint, &words(&["5"])).unwrap(),
            json!("5")
        );
        assert_eq!(from_words(&Schema::Nothing, &[]).unwrap(), json!(null));
    }

    #[test]
    fn text_stays_text_even_if_it_looks_like_something_else() {
        assert_eq!(
            from_words(&Schema::Text, &words(&["5"])).unwrap(),
            json!("5")
        );
        let list = Schema::List(Box::new(Schema::Uint));
        assert_eq!(
            from_words(&list, &words(&["[1,2]"])).unwrap(),
            json!([1, 2])
        );
        assert_eq!(from_words(&Schema::Any, &words(&["5"])).unwrap(), json!(5));
    }

    #[test]
    fn mistakes_are_told_apart() {
        for (given, message) in [
            (
                &["f01"][..],
                "the method takes 3 parameters ({to_whom: address, amount: token amount, memo: text?}), not 1",
            ),
            (&["amount=1", "amount=2"], "`amount` is given twice"),
            (&["{oops"], "`{oops` begins like JSON but is none"),
            (&["@/nowhere.json"], "/nowhere.json cannot be read"),
        ] {
            let error = from_words(&transfer(), &words(given)).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn without_an_abi_parameters_are_bytes_or_any_cbor() {
        assert_eq!(unknown(&words(&["0x00"])).unwrap(), json!("0x00"));
        assert_eq!(unknown(&words(&["[1]"])).unwrap(), json!([1]));
        assert!(unknown(&words(&["1", "2"])).is_err());
    }
}
