// What the examples' tests need of a running devnet besides Ethereum's JSON-RPC: Filecoin's
// methods, epochs that pass, and the HTTP API of its storage providers.

/// Epochs in a day.
export const DAY = 2_880;
/// The shortest time of a deal, an allocation's term and a sector, in epochs.
export const HALF_YEAR = 180 * DAY;

/// The devnet that the tests are for: `make devnet`, or another one by its URL.
export const url = process.env.BOATYARD_RPC ?? 'http://127.0.0.1:8545';
/// The first two development accounts.
export const keys = [
  '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
];

/// Talks to a node.
export class Devnet {
  constructor(url) {
    this.url = url;
  }

  /// The result of a JSON-RPC method; throws what the node answers as an error.
  async call(method, ...params) {
    const response = await fetch(this.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    });
    const { result, error } = await response.json();
    if (error) throw new Error(`${method}: ${error.message}`);
    return result;
  }

  async epoch() {
    return (await this.call('Filecoin.ChainHead')).Height;
  }

  /// Lets epochs pass. Providers go on proving meanwhile.
  async advance(epochs) {
    await this.call('boatyard_advance', epochs);
  }

  /// Lets time pass until a question has an answer, `step` epochs at a time.
  async until(what, question, { step = 5, epochs = 3_000 } = {}) {
    for (let passed = 0; passed <= epochs; passed += step) {
      const answer = await question();
      if (answer) return answer;
      await this.advance(step);
    }
    throw new Error(`${epochs} epochs passed without ${what}`);
  }

  /// The first storage provider.
  async provider() {
    const [first] = await this.call('boatyard_providers');
    if (!first) throw new Error('the devnet has no storage provider: start it with --providers 1');
    return new Provider(first);
  }

  /// Sends a message from any address, without its key, and gives the receipt.
  async sendAs(From, To, Method, params, Value = '0') {
    await this.call('anvil_impersonateAccount', From);
    const message = { From, To, Method, Value, Params: params.toString('base64'), GasLimit: 4_000_000_000 };
    const sent = await this.call('Filecoin.MpoolPushMessage', message, null);
    const { Receipt } = await this.call('Filecoin.StateWaitMsg', sent.CID, 0, 100, true);
    await this.call('anvil_stopImpersonatingAccount', From);
    return Receipt;
  }

  /// The number of the actor that an Ethereum address belongs to.
  async actorId(address) {
    const delegated = await this.call('Filecoin.EthAddressToFilecoinAddress', address);
    return BigInt((await this.call('Filecoin.StateLookupID', delegated, [])).slice(2));
  }
}

/// A storage provider of the devnet, over HTTP.
export class Provider {
  constructor({ miner, worker, url }) {
    this.miner = miner;
    this.worker = worker;
    this.url = url;
    this.id = BigInt(miner.slice(2));
  }

  async request(method, path, body) {
    const bytes = body instanceof Uint8Array;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: body && { 'content-type': bytes ? 'application/octet-stream' : 'application/json' },
      body: body && (bytes ? body : JSON.stringify(body)),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /// Hands over the bytes of a piece.
  async put({ bytes, cid, size }) {
    return this.request('PUT', `/piece/${cid}?size=${size}`, bytes);
  }

  async orders() {
    const orders = await this.request('GET', '/orders');
    return Array.isArray(orders) ? orders : orders.orders;
  }

  async order(number) {
    const order = await this.request('GET', `/orders/${number}`);
    if (order.state === 'failed') throw new Error(`order ${number} failed: ${order.error}`);
    return order;
  }

  async post(path, body = {}) {
    return this.request('POST', path, body);
  }
}
