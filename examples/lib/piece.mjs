// Pieces: what a file becomes before it goes into a sector.
import { createHash } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';
/// CIDv1, codec fil-commitment-unsealed, hash sha2-256-trunc254-padded, 32 bytes.
const PREFIX = Buffer.from('0181e203922020', 'hex');
const NODE = 32;

/// The piece of some bytes: `{ bytes, cid, cidBytes, size }`. The size is the padded one, the
/// smallest that holds the bytes; a provider is given the bytes as they are.
export function pieceOf(bytes) {
  let size = 128;
  while ((size / 128) * 127 < bytes.length) size *= 2;
  const cidBytes = Buffer.concat([PREFIX, commitment(padded(bytes, size))]);
  return { bytes, size, cidBytes, cid: `b${base32(cidBytes)}` };
}

/// Two zero bits after every 254, so that each 32 bytes are a number of the proofs' field.
function padded(bytes, size) {
  const out = Buffer.alloc(size);
  const mask = (1n << 254n) - 1n;
  for (let chunk = 0; chunk * 127 < bytes.length; chunk++) {
    const raw = Buffer.alloc(127);
    bytes.copy(raw, 0, chunk * 127, (chunk + 1) * 127);
    let number = BigInt(`0x${raw.reverse().toString('hex')}`);
    for (let node = 0; node < 4; node++) {
      const hex = (number & mask).toString(16).padStart(64, '0');
      Buffer.from(hex, 'hex').reverse().copy(out, chunk * 128 + node * NODE);
      number >>= 254n;
    }
  }
  return out;
}

/// The root of the binary tree over nodes of 32 bytes.
function commitment(level) {
  let nodes = level;
  while (nodes.length > NODE) {
    const parents = Buffer.alloc(nodes.length / 2);
    for (let at = 0; at < parents.length; at += NODE) {
      const parent = createHash('sha256').update(nodes.subarray(2 * at, 2 * at + 2 * NODE)).digest();
      parent[31] &= 0x3f;
      parent.copy(parents, at);
    }
    nodes = parents;
  }
  return nodes;
}

/// Base32 in small letters without padding.
function base32(bytes) {
  let bits = '';
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0');
  return bits.match(/.{1,5}/g).map((five) => LETTERS[parseInt(five.padEnd(5, '0'), 2)]).join('');
}
