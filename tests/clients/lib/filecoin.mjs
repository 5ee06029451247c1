// The Filecoin side of the tests: addresses as bytes, CBOR, messages, and contracts that call actors.
import { Contract, ContractFactory } from 'ethers';

import { rpc } from './node.mjs';

const letters = 'abcdefghijklmnopqrstuvwxyz234567';

/// The bytes of base32 text (lower case, no padding).
function base32(text) {
  const bytes = [];
  let value = 0;
  let bits = 0;
  for (const letter of text) {
    value = ((value << 5) | letters.indexOf(letter)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((value >> bits) & 0xff);
  }
  return Buffer.from(bytes);
}

function leb128(number) {
  const bytes = [];
  let rest = BigInt(number);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

/// The bytes of a Filecoin address in text.
export function addressBytes(text) {
  const protocol = Number(text[1]);
  if (protocol === 0) return Buffer.concat([Buffer.from([0]), leb128(text.slice(2))]);
  if (protocol !== 4) return Buffer.concat([Buffer.from([protocol]), base32(text.slice(2)).subarray(0, -4)]);
  const [, namespace, payload] = /^4(\d+)f(.+)$/.exec(text.slice(1));
  return Buffer.concat([Buffer.from([4]), leb128(namespace), base32(payload).subarray(0, -4)]);
}

/// An address as the package's contracts take it.
export const fil = (text) => ({ data: `0x${addressBytes(text).toString('hex')}` });

/// The ID in `t01000`.
export const idOf = (text) => BigInt(text.slice(2));

/// A CID in text (base32) as bytes.
export const cidBytes = (text) => base32(text.slice(1));

/// For `cbor`: a CID.
export class Cid {
  constructor(text) {
    this.bytes = cidBytes(text);
  }
}

/// CBOR of numbers, bytes, text, arrays, booleans, null and CIDs.
export function cbor(value) {
  if (value === null) return Buffer.from([0xf6]);
  if (typeof value === 'boolean') return Buffer.from([value ? 0xf5 : 0xf4]);
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value < 0 ? head(1, -1n - BigInt(value)) : head(0, value);
  }
  if (typeof value === 'string') return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (Array.isArray(value)) return Buffer.concat([head(4, value.length), ...value.map(cbor)]);
  if (value instanceof Cid) {
    return Buffer.concat([head(6, 42), cbor(Buffer.concat([Buffer.from([0]), value.bytes]))]);
  }
  return Buffer.concat([head(2, value.length), value]);
}

function head(major, value) {
  const number = BigInt(value);
  const sizes = [1, 2, 4, 8];
  if (number < 24n) return Buffer.from([(major << 5) | Number(number)]);
  const index = sizes.findIndex((size) => number < 1n << BigInt(8 * size));
  const bytes = Buffer.from(number.toString(16).padStart(2 * sizes[index], '0'), 'hex');
  return Buffer.concat([Buffer.from([(major << 5) | (24 + index)]), bytes]);
}

/// The bytes of a big number as actors write it: a sign, then the magnitude.
export function bigBytes(value) {
  if (value === 0n) return Buffer.alloc(0);
  const hex = value.toString(16);
  return Buffer.from(`00${hex.length % 2 ? '0' : ''}${hex}`, 'hex');
}

/// A number from the package's `BigInt`.
export function big({ val, neg }) {
  const magnitude = val === '0x' ? 0n : BigInt(val);
  return neg ? -magnitude : magnitude;
}

/// Talks Filecoin JSON-RPC: answers are results, errors are thrown.
export class Filecoin {
  constructor(url) {
    this.url = url;
  }

  async call(method, ...params) {
    const { result, error } = await rpc(this.url, method, params);
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  /// The decoded state of an actor.
  async state(address) {
    return (await this.call('Filecoin.StateReadState', address, [])).State;
  }

  async epoch() {
    return (await this.call('Filecoin.ChainHead')).Height;
  }

  /// Null rounds and a tipset: `epochs` later.
  async advance(epochs) {
    await this.call('boatyard_advance', epochs);
  }

  /// The actor's ID of an address.
  async id(address) {
    return this.call('Filecoin.StateLookupID', address, []);
  }

  /// Lets messages from an address pass without its key, and pays for their gas.
  async impersonate(address) {
    await this.call('anvil_impersonateAccount', address);
    const { Balance } = await this.call('Filecoin.StateGetActor', address, []);
    await this.call('anvil_setBalance', address, `0x${(BigInt(Balance) + 10n ** 20n).toString(16)}`);
  }

  /// Sends a message and gives its receipt.
  async send(From, To, Method, params, Value = 0n) {
    const Params = params?.toString('base64') ?? '';
    // With a limit nothing is estimated, so that messages that fail get into the chain too.
    const message = { From, To, Method, Value: `${Value}`, Params, GasLimit: 4_000_000_000 };
    const sent = await this.call('Filecoin.MpoolPushMessage', message, null);
    const { Receipt } = await this.call('Filecoin.StateWaitMsg', sent.CID, 0, 100, true);
    return Receipt;
  }
}

/// Deploys a compiled contract.
export async function deploy({ abi, bytecode }, wallet, ...args) {
  const contract = await new ContractFactory(abi, bytecode, wallet).deploy(...args);
  await contract.waitForDeployment();
  return new Contract(await contract.getAddress(), abi, wallet);
}

/// Sends a transaction to a function that ends with `Exit(code)`: the code, and the function's
/// return value as a call just before it gave it.
export async function act(contract, name, ...args) {
  const returned = await contract[name].staticCall(...args);
  const receipt = await (await contract[name](...args)).wait();
  const logs = receipt.logs.filter((log) => log.address === contract.target).map((log) => contract.interface.parseLog(log));
  const exit = logs.find((log) => log?.name === 'Exit');
  return { exit: Number(exit.args.code), result: returned?.[1], returned, receipt };
}
