// As much CBOR as the tests send: numbers, bytes, text, booleans and arrays.
export function cbor(value) {
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number' || typeof value === 'bigint') return head(0, value);
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  // What is encoded already.
  if (value.encoded) return value.encoded;
  return Buffer.concat([head(2, value.length), value]);
}

/// An amount as actors write it: a sign, then the magnitude; nothing for zero.
export function amount(value) {
  if (value === 0n) return Buffer.alloc(0);
  const hex = value.toString(16);
  return Buffer.from(`00${hex.length % 2 ? '0' : ''}${hex}`, 'hex');
}

/// The bytes of an actor's address in ID form.
export function idAddress(id) {
  const bytes = [0];
  let rest = BigInt(id);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

function head(major, value) {
  const number = BigInt(value);
  if (number < 24n) return Buffer.from([(major << 5) | Number(number)]);
  const index = [1, 2, 4, 8].findIndex((size) => number < 1n << BigInt(8 * size));
  const bytes = Buffer.from(number.toString(16).padStart(2 << index, '0'), 'hex');
  return Buffer.concat([Buffer.from([(major << 5) | (24 + index)]), bytes]);
}

/// A bitfield with one bit set, as actors write it (RLE+).
export function bitfield(number) {
  const low = (value, count) => [...Array(count).keys()].map((bit) => (value >> bit) & 1);
  const run = (length) => {
    if (length === 1) return [1];
    if (length < 16) return [0, 1, ...low(length, 4)];
    const bits = [0, 0];
    for (let rest = length; rest > 0; rest >>= 7) bits.push(...low((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0), 8));
    return bits;
  };
  // Version 0, whether it begins with ones, runs of zeros and ones in turn.
  const bits = [0, 0, number === 0 ? 1 : 0, ...(number === 0 ? [] : run(number)), ...run(1)];
  const bytes = Buffer.alloc(Math.ceil(bits.length / 8));
  bits.forEach((bit, at) => (bytes[at >> 3] |= bit << (at & 7)));
  return bytes;
}
