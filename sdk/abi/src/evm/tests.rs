use proptest::prelude::*;

use super::*;

const VITALIK: &str = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045";

fn transfer_call() -> Vec<u8> {
    let function = parse_function("transfer(address,uint256)(bool)").unwrap();
    encode_call(&function, &[json!(VITALIK), json!("1 ether")]).unwrap()
}

#[test]
fn a_call_is_encoded_and_read_back() {
    let call = transfer_call();
    assert_eq!(hex::encode(&call[..4]), "a9059cbb");
    let decoded = EvmAbi::well_known().decode_call(&call).unwrap();
    assert_eq!(decoded.signature, "transfer(address,uint256)");
    assert_eq!(
        decoded.to_json(),
        json!({"to": VITALIK, "amount": "1000000000000000000"})
    );
}

#[test]
fn addresses_of_both_worlds_are_arguments() {
    let function = parse_function("f(address)").unwrap();
    let id = encode_call(&function, &[json!("f0101")]).unwrap();
    let masked = encode_call(
        &function,
        &[json!("0xff00000000000000000000000000000000000065")],
    );
    assert_eq!(id, masked.unwrap());
    let error = encode_call(&function, &[json!("101")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "argument 1 of f(address): expected address, got \"101\": `101` is not an address; did you mean f0101?"
    );
}

#[test]
fn arrays_and_structs_are_arguments_too() {
    let function = parse_function("f((uint8,string)[],uint256[2],bytes4,int8)").unwrap();
    let call = encode_call(
        &function,
        &[
            json!([[1, "a, (b)"], ["2", ""]]),
            json!("[3,4]"),
            json!("0x01020304"),
            json!(-1),
        ],
    )
    .unwrap();
    let abi = EvmAbi::parse(
        r#"[{"type": "function", "name": "f", "stateMutability": "view", "outputs": [], "inputs": [
            {"name": "list", "type": "tuple[]", "components": [
                {"name": "n", "type": "uint8"}, {"name": "s", "type": "string"}]},
            {"name": "pair", "type": "uint256[2]"},
            {"name": "", "type": "bytes4"},
            {"name": "", "type": "int8"}]}]"#,
    )
    .unwrap();
    assert_eq!(
        abi.decode_call(&call).unwrap().to_json(),
        json!({"list": [{"n": 1, "s": "a, (b)"}, {"n": 2, "s": ""}], "pair": ["3", "4"], "2": "0x01020304", "3": -1})
    );
    for (arguments, words) in [
        (vec![], "takes 4 arguments, got 0"),
        (
            vec![json!([]), json!([1]), json!("0x01020304"), json!(0)],
            "argument 2",
        ),
        (
            vec![json!([]), json!([1, 2]), json!("0x01"), json!(0)],
            "argument 3",
        ),
        (
            vec![json!([]), json!([1, 2]), json!("0x01020304"), json!(200)],
            "argument 4",
        ),
        (
            vec![
                json!({"a": 1}),
                json!([1, 2]),
                json!("0x01020304"),
                json!(0),
            ],
            "another kind",
        ),
    ] {
        let error = encode_call(&function, &arguments).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn outputs_are_values_arrays_or_objects() {
    let word = |n: u8| [&[0; 31][..], &[n]].concat();
    for (signature, bytes, expected) in [
        ("f()(uint256)", word(7), json!("7")),
        (
            "f()(uint8,bool)",
            [word(7), word(1)].concat(),
            json!([7, true]),
        ),
        (
            "f()(uint8 a,bool b)",
            [word(7), word(1)].concat(),
            json!({"a": 7, "b": true}),
        ),
        ("f()", vec![], Value::Null),
    ] {
        let function = parse_function(signature).unwrap();
        assert_eq!(
            decode_output(&function, &bytes).unwrap(),
            expected,
            "{signature}"
        );
    }
    let function = parse_function("f()(uint256)").unwrap();
    assert!(
        decode_output(&function, &[1])
            .unwrap_err()
            .to_string()
            .contains("do not decode")
    );
}

#[test]
fn a_result_is_read_by_the_call_it_answers() {
    let abi = EvmAbi::well_known();
    let yes = [&[0; 31][..], &[1]].concat();
    assert_eq!(abi.decode_result(&transfer_call(), &yes), Some(json!(true)));
    assert_eq!(abi.decode_result(&transfer_call(), &[1]), None);
    assert_eq!(abi.decode_result(&[], &yes), None);
}

#[test]
fn logs_of_tokens_and_of_collectibles_are_told_apart() {
    let topic = |n: u8| {
        let mut word = [0; 32];
        word[31] = n;
        word
    };
    let transfer = alloy::primitives::keccak256("Transfer(address,address,uint256)").0;
    let abi = EvmAbi::well_known();
    let token = abi
        .decode_log(&[transfer, topic(1), topic(2)], &topic(9))
        .unwrap();
    assert_eq!(token.fields[2], ("value".to_owned(), json!("9")));
    let collectible = abi
        .decode_log(&[transfer, topic(1), topic(2), topic(9)], &[])
        .unwrap();
    assert_eq!(collectible.fields[2], ("tokenId".to_owned(), json!("9")));
    assert_eq!(abi.decode_log(&[transfer], &[]), None);
    assert_eq!(abi.decode_log(&[], &[]), None);
}

#[test]
fn reverts_are_put_into_words() {
    let mut abi = EvmAbi::parse("error TooLate(uint256 deadline, address who)").unwrap();
    abi.extend(EvmAbi::well_known());
    let error = |signature: &str, values: &[DynSolValue]| {
        alloy::json_abi::Error::parse(signature)
            .unwrap()
            .abi_encode_input(values)
            .unwrap()
    };
    let number = |n: u64| DynSolValue::Uint(alloy::primitives::U256::from(n), 256);
    for (data, words) in [
        (vec![], "no reason given"),
        (vec![1, 2], "0x0102"),
        (vec![1, 2, 3, 4, 5], "0x0102030405"),
        (
            error("Error(string)", &["not yours".to_owned().into()]),
            "not yours",
        ),
        (
            error("Panic(uint256)", &[number(0x12)]),
            "Panic(0x12): division or remainder by zero",
        ),
        (
            error("Panic(uint256)", &[number(0x99)]),
            "Panic(0x99): unknown",
        ),
        (
            error(
                "TooLate(uint256,address)",
                &[
                    number(5),
                    VITALIK
                        .parse::<alloy::primitives::Address>()
                        .unwrap()
                        .into(),
                ],
            ),
            "TooLate(deadline: \"5\", who: \"0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045\")",
        ),
        (b"\x08\xc3\x79\xa0broken".to_vec(), "0x08c379a062726f6b656e"),
    ] {
        assert_eq!(abi.decode_revert(&data), words);
    }
}

#[test]
fn abis_come_as_json_as_artefacts_and_as_solidity() {
    let json_abi = r#"[{"type":"function","name":"get","inputs":[],"outputs":[{"name":"","type":"uint256"}],"stateMutability":"view"}]"#;
    for text in [
        json_abi.to_owned(),
        format!(r#"{{"abi": {json_abi}, "bytecode": "0x"}}"#),
        "// a comment\nfunction get() view returns (uint256);\n".to_owned(),
    ] {
        let abi = EvmAbi::parse(&text).unwrap();
        assert_eq!(abi.functions().len(), 1);
        assert_eq!(abi.function("get", 0).unwrap().signature(), "get()");
        assert_eq!(abi.function("Get", 0).unwrap().signature(), "get()");
    }
    for text in ["{}", "[1]", "{", "function (", "nonsense"] {
        assert!(
            matches!(EvmAbi::parse(text), Err(EvmAbiError::Parse(_))),
            "{text}"
        );
    }
}

#[test]
fn overloaded_functions_are_chosen_by_signature_or_number_of_arguments() {
    let abi = EvmAbi::parse(
        "function f(uint256 a)\nfunction f(uint256 a, uint256 b)\nfunction f(address a, bool b)",
    )
    .unwrap();
    assert_eq!(abi.function("f", 1).unwrap().signature(), "f(uint256)");
    assert_eq!(
        abi.function("f(address, bool)", 2).unwrap().signature(),
        "f(address,bool)"
    );
    assert!(matches!(
        abi.function("f", 2),
        Err(EvmAbiError::Ambiguous { .. })
    ));
    assert_eq!(
        abi.function("g", 0).unwrap_err().to_string(),
        "the ABI has no function `g`; it has f"
    );
}

#[test]
fn unknown_types_are_refused_when_the_signature_is_read() {
    for signature in ["f(uint7)", "f(Foo)", "f(", "", "f(uint256))"] {
        assert!(parse_function(signature).is_err(), "{signature}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        selector in prop::sample::select(vec![[0xa9, 0x05, 0x9c, 0xbb], [0x86, 0x8e, 0x10, 0xc4], [8, 0xc3, 0x79, 0xa0], [0; 4]]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        topics in prop::collection::vec(any::<[u8; 32]>(), 0..5),
    ) {
        let abi = EvmAbi::well_known();
        let input = [&selector[..], &bytes].concat();
        let _ = abi.decode_call(&input);
        let _ = abi.decode_call(&bytes);
        let _ = abi.decode_revert(&input);
        let _ = abi.decode_log(&topics, &bytes);
        let function = parse_function("f()(uint256[],string,(bytes,address)[])").unwrap();
        let _ = decode_output(&function, &bytes);
    }

    #[test]
    fn no_text_makes_it_panic(text in ".{0,80}") {
        let _ = EvmAbi::parse(&text);
        let _ = parse_function(&text);
        let function = parse_function("f(uint256[],string,bytes)").unwrap();
        let _ = encode_call(&function, &[json!(text), json!(text), json!(text)]);
    }
}
