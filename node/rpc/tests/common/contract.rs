//! A contract, put together by hand: nothing here needs a compiler.

/// Topic of the contract's log.
pub const TOPIC: [u8; 32] = [0xaa; 32];
/// What it returns, logs and stores.
pub const ANSWER: u8 = 42;

/// Does by the first byte of its input: 1 returns 42, 2 reverts with
/// `Error("nope")`, 3 logs 42 under [`TOPIC`] and stores it in slot 0, 4 reverts
/// with a panic 0x11, anything else (or nothing) accepts.
pub fn runtime() -> Vec<u8> {
    let cases: [(u8, Vec<u8>); 4] = [
        (
            1,
            [&push_word(ANSWER)[..], &[0x60, 0x20, 0x60, 0x00, 0xf3]].concat(),
        ),
        (2, revert_with_text(b"nope")),
        (3, log_and_store()),
        (4, revert_with_panic(0x11)),
    ];
    // First byte of the input on the stack.
    let mut head = vec![0x60, 0x00, 0x35, 0x60, 0xf8, 0x1c];
    let table = cases.len() * 9;
    let mut target = head.len() + table + 1;
    let mut bodies = Vec::new();
    for (number, body) in cases {
        // DUP1 PUSH1 number EQ PUSH2 target JUMPI
        head.extend([0x80, 0x60, number, 0x14, 0x61]);
        head.extend(u16::try_from(target).unwrap().to_be_bytes());
        head.extend([0x57, 0x5b]);
        bodies.push(0x5b);
        bodies.extend(&body);
        target += 1 + body.len();
    }
    head.push(0x00);
    head.extend(bodies);
    head
}

/// Calls others: the input is a number, 20 bytes of an address, and what to send. 1 calls
/// (with the value received), 2 delegates, 3 calls read-only; the answer is passed on,
/// also a failed one. 4 creates a contract with the rest as its init code and returns its
/// address.
pub fn forwarder() -> Vec<u8> {
    // The input behind the address into memory, its length, the address, the number.
    let mut code = vec![
        0x60, 0x15, 0x36, 0x03, 0x80, 0x60, 0x15, 0x60, 0x00, 0x37, 0x60, 0x01, 0x35, 0x60, 0x60,
        0x1c, 0x60, 0x00, 0x35, 0x60, 0xf8, 0x1c,
    ];
    let create = [
        0x50, 0x50, 0x60, 0x00, 0x60, 0x00, 0xf0, 0x60, 0x00, 0x52, 0x60, 0x20, 0x60, 0x00, 0xf3,
    ];
    let call = [
        0x5b, 0x50, 0x60, 0x00, 0x60, 0x00, 0x83, 0x60, 0x00, 0x34, 0x85, 0x5a, 0xf1,
    ];
    let without_value = |opcode| {
        [
            0x5b, 0x50, 0x60, 0x00, 0x60, 0x00, 0x83, 0x60, 0x00, 0x84, 0x5a, opcode,
        ]
    };
    let jump = 4;
    let first = code.len() + 3 * 9 + create.len();
    let second = first + call.len() + jump;
    let third = second + 12 + jump;
    let done = third + 12 + jump;
    let good = done + 14;
    let place = |at: usize| u16::try_from(at).unwrap().to_be_bytes();
    for (number, target) in [(1, first), (2, second), (3, third)] {
        code.extend([0x80, 0x60, number, 0x14, 0x61]);
        code.extend(place(target));
        code.push(0x57);
        code.push(0x5b);
    }
    code.extend(create);
    for body in [&call[..], &without_value(0xf4), &without_value(0xfa)] {
        code.extend(body);
        code.push(0x61);
        code.extend(place(done));
        code.push(0x56);
    }
    code.extend([0x5b, 0x3d, 0x60, 0x00, 0x60, 0x00, 0x3e, 0x61]);
    code.extend(place(good));
    code.extend([0x57, 0x3d, 0x5f, 0xfd]);
    code.extend([0x5b, 0x3d, 0x60, 0x00, 0xf3]);
    code
}

/// Input for [`forwarder`].
pub fn forward(number: u8, to: &str, input: &[u8]) -> Vec<u8> {
    let digits = to.trim_start_matches("0x");
    let address = (0..20).map(|i| u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).unwrap());
    let mut data = vec![number];
    data.extend(address);
    data.extend(input);
    data
}

/// Init code that leaves `runtime` behind.
pub fn init_code_of(runtime: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(runtime.len()).unwrap().to_be_bytes();
    let mut code = vec![
        0x61, high, low, 0x80, 0x60, 0x0c, 0x60, 0x00, 0x39, 0x60, 0x00, 0xf3,
    ];
    code.extend(runtime);
    code
}

/// Init code that leaves [`runtime`] behind.
pub fn init_code() -> Vec<u8> {
    init_code_of(&runtime())
}

/// Init code that reverts.
pub fn broken_init_code() -> Vec<u8> {
    vec![0x60, 0x00, 0x60, 0x00, 0xfd]
}

/// Stores a small number in memory word 0.
fn push_word(value: u8) -> [u8; 5] {
    [0x60, value, 0x60, 0x00, 0x52]
}

fn log_and_store() -> Vec<u8> {
    let mut code = push_word(ANSWER).to_vec();
    code.push(0x7f);
    code.extend(TOPIC);
    code.extend([0x60, 0x20, 0x60, 0x00, 0xa1]);
    code.extend([0x60, ANSWER, 0x60, 0x00, 0x55, 0x00]);
    code
}

fn store_selector(selector: [u8; 4]) -> Vec<u8> {
    let mut code = vec![0x63];
    code.extend(selector);
    code.extend([0x60, 0xe0, 0x1b, 0x60, 0x00, 0x52]);
    code
}

fn revert_with_text(text: &[u8; 4]) -> Vec<u8> {
    let mut code = store_selector([0x08, 0xc3, 0x79, 0xa0]);
    code.extend([0x60, 0x20, 0x60, 0x04, 0x52]);
    code.extend([0x60, 0x04, 0x60, 0x24, 0x52]);
    code.push(0x63);
    code.extend(text);
    code.extend([0x60, 0xe0, 0x1b, 0x60, 0x44, 0x52]);
    code.extend([0x60, 0x64, 0x60, 0x00, 0xfd]);
    code
}

fn revert_with_panic(number: u8) -> Vec<u8> {
    let mut code = store_selector([0x4e, 0x48, 0x7b, 0x71]);
    code.extend([0x60, number, 0x60, 0x04, 0x52]);
    code.extend([0x60, 0x24, 0x60, 0x00, 0xfd]);
    code
}

/// Bytes as `0x…`.
pub fn hex(bytes: &[u8]) -> String {
    format!(
        "0x{}",
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    )
}
