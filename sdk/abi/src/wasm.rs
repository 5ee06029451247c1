//! Where the description lies in a module.

use wasmparser::{Parser, Payload};

use crate::schema::{Abi, AbiError};

/// Name of the Wasm custom section that holds an actor's description.
pub const SECTION: &str = "boatyard:abi";

impl Abi {
    /// The description in a Wasm module; `None` if it carries none, as modules
    /// that were not written with `boatyard-sdk`.
    ///
    /// # Errors
    /// [`AbiError::Wasm`] for bytes that are no module, [`AbiError::Json`] for a
    /// section that does not parse.
    pub fn from_wasm(module: &[u8]) -> Result<Option<Self>, AbiError> {
        for payload in Parser::new(0).parse_all(module) {
            let payload = payload.map_err(|error| AbiError::Wasm(error.to_string()))?;
            if let Payload::CustomSection(section) = payload
                && section.name() == SECTION
            {
                let text = std::str::from_utf8(section.data())
                    .map_err(|_| AbiError::Json("the section is not text".into()))?;
                return Self::from_json(text).map(Some);
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY_MODULE: &[u8] = b"\0asm\x01\0\0\0";

    fn with_section(name: &str, data: &[u8]) -> Vec<u8> {
        let mut body = vec![name.len() as u8];
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(data);
        let mut module = EMPTY_MODULE.to_vec();
        module.push(0);
        module.push(body.len() as u8);
        module.extend_from_slice(&body);
        module
    }

    #[test]
    fn the_section_is_found_among_others() {
        let abi = br#"{"name":"a","methods":[],"state":"nothing"}"#;
        assert_eq!(Abi::from_wasm(EMPTY_MODULE), Ok(None));
        assert_eq!(Abi::from_wasm(&with_section("name", abi)), Ok(None));
        let found = Abi::from_wasm(&with_section(SECTION, abi))
            .unwrap()
            .unwrap();
        assert_eq!(found.name, "a");
    }

    #[test]
    fn what_is_no_module_or_no_description_is_refused() {
        for (bytes, wasm) in [
            (b"".to_vec(), true),
            (b"\0asm".to_vec(), true),
            (b"garbage garbage".to_vec(), true),
            (with_section(SECTION, b"\xff\xfe"), false),
            (with_section(SECTION, b"{"), false),
        ] {
            let error = Abi::from_wasm(&bytes).unwrap_err();
            assert_eq!(matches!(error, AbiError::Wasm(_)), wasm, "{error}");
        }
    }
}
