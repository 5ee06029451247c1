// VerifRegAPI and DataCapAPI: a verifier, a client with datacap, allocations and claims.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';

import { JsonRpcProvider, Wallet } from 'ethers';

import { Cid, Filecoin, act, addressBytes, big, bigBytes, cbor, cidBytes, deploy, fil, idOf } from '../lib/filecoin.mjs';
import { keys, startNode } from '../lib/node.mjs';
import { HALF_YEAR, SECTOR_SIZE, createMiner, onboard, somePiece } from '../lib/provider.mjs';
import { compile } from '../lib/solidity.mjs';

const { DataCap } = compile('filecoin/DataCap.sol');
const { Miner } = compile('filecoin/Miner.sol');
const { Power } = compile('filecoin/Power.sol');
const { VerifReg } = compile('filecoin/VerifReg.sol');
const ADD_VERIFIER = 2;
/// A byte of datacap is a token of 18 decimals.
const BYTE = 10n ** 18n;
const CAP = 1n << 20n;
const SIZE = BigInt(SECTOR_SIZE);
const REGISTRY = fil('f06');
/// An actor that does not exist, and an address that nobody has.
const NOBODY = 999_999n;
const UNKNOWN = { data: `0x040a${'17'.repeat(20)}` };

describe('datacap and the verified registry from Solidity', () => {
  let node, provider, chain, registry, stranger, client, operator, clientAddress, operatorAddress, clientId, miner;

  const addressOf = (contract) => chain.call('Filecoin.EthAddressToFilecoinAddress', contract.target);
  const datacapOf = async (address) => BigInt((await chain.call('Filecoin.StateVerifiedClientStatus', address, [])) ?? 0);
  const tokens = async (address) => big((await client.balance(fil(address)))[1]);
  const allocations = () => chain.call('Filecoin.StateGetAllocations', clientAddress, []);
  const claims = () => chain.call('Filecoin.StateGetClaims', miner.address, []);
  /// What a client sends to the registry with its datacap: one allocation.
  const request = async (piece, { expiresIn = 1_000, provider = miner.id } = {}) => {
    const expiration = (await chain.epoch()) + expiresIn;
    return cbor([[[provider, new Cid(piece), SECTOR_SIZE, HALF_YEAR, HALF_YEAR + 200_000, expiration]], []]);
  };
  const newest = async () => BigInt(Math.max(...Object.keys(await allocations()).map(Number)));

  before(async () => {
    node = await startNode('--proofs', 'accept');
    provider = new JsonRpcProvider(node.url, undefined, { cacheTimeout: -1 });
    provider.pollingInterval = 50;
    const wallet = new Wallet(keys[0], provider);
    chain = new Filecoin(node.url);
    registry = await deploy(VerifReg, wallet);
    stranger = await deploy(VerifReg, wallet);
    client = await deploy(DataCap, wallet);
    operator = await deploy(DataCap, wallet);
    const owner = await deploy(Miner, wallet);
    miner = await createMiner(chain, await deploy(Power, wallet), await addressOf(owner));
    clientAddress = await addressOf(client);
    operatorAddress = await addressOf(operator);
    clientId = idOf(await chain.id(clientAddress));

    const root = await chain.call('Filecoin.StateVerifiedRegistryRootKey', []);
    await chain.impersonate(root);
    const params = cbor([addressBytes(await addressOf(registry)), bigBytes(2n * CAP)]);
    assert.equal((await chain.send(root, 'f06', ADD_VERIFIER, params)).ExitCode, 0);
  });
  after(async () => {
    provider?.destroy();
    await node?.stop();
  });

  describe('a verifier', () => {
    it('gives datacap to a client', async () => {
      assert.equal((await act(registry, 'addVerifiedClient', fil(clientAddress), CAP)).exit, 0);
      assert.equal(await datacapOf(clientAddress), CAP);
      const left = await chain.call('Filecoin.StateVerifierStatus', await addressOf(registry), []);
      assert.equal(BigInt(left), CAP);
    });

    it('gives no more than it has, nor too little; and others give none', async () => {
      const give = async (from, amount) => (await act(from, 'addVerifiedClient', fil(clientAddress), amount)).exit;
      assert.equal(await give(registry, CAP + 1n), 16);
      assert.equal(await give(registry, 1n), 16);
      assert.equal(await give(stranger, CAP), 17);
      assert.equal(await datacapOf(clientAddress), CAP);
    });
  });

  describe('DataCapAPI', () => {
    it('tells its name and symbol', async () => {
      assert.deepEqual([...(await client.name())], [0n, 'DataCap']);
      assert.deepEqual([...(await client.symbol())], [0n, 'DCAP']);
    });

    it('tells the supply and balances', async () => {
      const { Token } = await chain.state('f07');
      const [exit, supply] = await client.totalSupply();
      assert.deepEqual([exit, big(supply)], [0n, BigInt(Token.Supply)]);
      assert.equal(big(supply), CAP * BYTE);
      const [, balance] = await client.balance(fil(clientAddress));
      assert.equal(big(balance), (await datacapOf(clientAddress)) * BYTE);
      const [known, nothing] = await client.balance(UNKNOWN);
      assert.deepEqual([known, big(nothing)], [0n, 0n]);
    });

    it('lets operators spend, more, less and nothing', async () => {
      const allowance = async () => {
        const [exit, amount] = await client.allowance(fil(clientAddress), fil(operatorAddress));
        assert.equal(exit, 0n);
        return big(amount);
      };
      assert.equal(await allowance(), 0n);
      const more = await act(client, 'increaseAllowance', fil(operatorAddress), 5n * SIZE * BYTE);
      assert.deepEqual([more.exit, big(more.result)], [0, 5n * SIZE * BYTE]);
      assert.equal(await allowance(), 5n * SIZE * BYTE);
      const less = await act(client, 'decreaseAllowance', fil(operatorAddress), SIZE * BYTE);
      assert.deepEqual([less.exit, big(less.result)], [0, 4n * SIZE * BYTE]);
      assert.equal(await allowance(), 4n * SIZE * BYTE);
      const revoked = await act(client, 'revokeAllowance', fil(operatorAddress));
      assert.deepEqual([revoked.exit, big(revoked.result)], [0, 4n * SIZE * BYTE]);
      assert.equal(await allowance(), 0n);
    });

    it('takes no negative changes, and knows its operators', async () => {
      assert.equal((await act(client, 'increaseAllowance', fil(operatorAddress), -1n)).exit, 16);
      assert.equal((await act(client, 'decreaseAllowance', fil(operatorAddress), -1n)).exit, 16);
      assert.equal((await act(client, 'increaseAllowance', UNKNOWN, 1n)).exit, 17);
      assert.equal((await act(client, 'revokeAllowance', { data: '0x01' })).exit, 21);
      assert.equal((await client.allowance({ data: '0x01' }, fil(operatorAddress)))[0], 21n);
    });

    it('is burnt by its owner', async () => {
      const before = await tokens(clientAddress);
      const { exit, result } = await act(client, 'burn', SIZE * BYTE);
      assert.deepEqual([exit, big(result)], [0, before - SIZE * BYTE]);
      assert.equal(await datacapOf(clientAddress), CAP - SIZE);
      assert.equal((await act(client, 'burn', 2n * CAP * BYTE)).exit, 19);
      assert.equal((await act(client, 'burn', 1n)).exit, 16);
    });

    it('is burnt by an operator as far as it may', async () => {
      await act(client, 'increaseAllowance', fil(operatorAddress), 2n * SIZE * BYTE);
      const before = await tokens(clientAddress);
      const { exit, result } = await act(operator, 'burnFrom', fil(clientAddress), SIZE * BYTE);
      assert.deepEqual(
        [exit, big(result.balance), big(result.allowance)],
        [0, before - SIZE * BYTE, SIZE * BYTE],
      );
      assert.equal((await act(operator, 'burnFrom', fil(clientAddress), 2n * SIZE * BYTE)).exit, 19);
      assert.equal(await tokens(clientAddress), before - SIZE * BYTE);
      await act(client, 'revokeAllowance', fil(operatorAddress));
    });

    it('goes to the registry, which makes an allocation of it', async () => {
      const piece = somePiece();
      const before = await tokens(clientAddress);
      const sent = await act(client, 'transfer', REGISTRY, SIZE * BYTE, await request(piece));
      assert.equal(sent.exit, 0);
      const { from_balance, to_balance, recipient_data } = sent.result;
      assert.deepEqual([big(from_balance), big(to_balance)], [before - SIZE * BYTE, SIZE * BYTE]);
      const id = await newest();
      assert.equal(recipient_data, hex(cbor([[1, []], [0, []], [id]])));
      const { Provider, Data, Size, Client } = (await allocations())[id];
      assert.deepEqual([BigInt(Provider), Data['/'], BigInt(Size)], [miner.id, piece, SIZE]);
      assert.equal(BigInt(Client), clientId);
    });

    it('goes nowhere else, and to the registry only with requests it can keep', async () => {
      const before = await tokens(clientAddress);
      assert.equal((await act(client, 'transfer', fil(operatorAddress), SIZE * BYTE, '0x')).exit, 18);
      const much = await act(client, 'transfer', REGISTRY, 2n * CAP * BYTE, await request(somePiece()));
      assert.equal(much.exit, 19);
      const more = await act(client, 'transfer', REGISTRY, 2n * SIZE * BYTE, await request(somePiece()));
      assert.equal(more.exit, 16);
      assert.equal(await tokens(clientAddress), before);
    });

    it('is sent by an operator as far as it may', async () => {
      const data = await request(somePiece());
      assert.equal((await act(operator, 'transferFrom', fil(clientAddress), REGISTRY, SIZE * BYTE, data)).exit, 19);
      await act(client, 'increaseAllowance', fil(operatorAddress), SIZE * BYTE);
      const before = await tokens(clientAddress);
      const sent = await act(operator, 'transferFrom', fil(clientAddress), REGISTRY, SIZE * BYTE, data);
      assert.equal(sent.exit, 0);
      assert.deepEqual([big(sent.result.from_balance), big(sent.result.allowance)], [before - SIZE * BYTE, 0n]);
      assert.equal(BigInt((await allocations())[await newest()].Client), clientId);
    });
  });

  describe('allocations and claims', () => {
    let claim, piece;

    it('give expired datacap back', async () => {
      await act(client, 'transfer', REGISTRY, SIZE * BYTE, await request(somePiece(), { expiresIn: 100 }));
      const id = await newest();
      const early = await act(registry, 'removeExpiredAllocations', { client: clientId, allocation_ids: [id, NOBODY] });
      assert.equal(early.exit, 0);
      assert.deepEqual(codes(early.result.results), [0n, [0n, 18n], [1n, 17n]]);
      assert.equal(big(early.result.datacap_recovered), 0n);

      await chain.advance(100);
      const before = await datacapOf(clientAddress);
      const late = await act(registry, 'removeExpiredAllocations', { client: clientId, allocation_ids: [id] });
      assert.deepEqual([late.exit, ...codes(late.result.results)], [0, 1n]);
      assert.deepEqual([...late.result.considered], [id]);
      assert.equal(big(late.result.datacap_recovered), SIZE);
      assert.equal(await datacapOf(clientAddress), before + SIZE);
      assert.equal((await allocations())[id], undefined);
    });

    it('are of clients that exist', async () => {
      const none = await act(registry, 'removeExpiredAllocations', { client: NOBODY, allocation_ids: [] });
      assert.equal(none.exit, 23);
    });

    it('become claims with the sector that holds the piece', async () => {
      piece = somePiece();
      await act(client, 'transfer', REGISTRY, SIZE * BYTE, await request(piece));
      claim = await newest();
      const expiration = (await chain.epoch()) + HALF_YEAR + 100_000;
      const { number, receipt } = await onboard(chain, miner, { piece, expiration, claim: [clientId, claim] });
      assert.equal(receipt.ExitCode, 0);
      const [exit, { batch_info, claims: found }] = await registry.getClaims({
        provider: miner.id,
        claim_ids: [claim, NOBODY],
      });
      assert.deepEqual([exit, ...codes(batch_info)], [0n, 1n, [1n, 17n]]);
      const known = (await claims())[claim];
      const [{ provider, client: of, size, term_min, term_max, term_start, sector, data }] = found;
      assert.deepEqual(
        [provider, of, size, term_min, term_max, term_start, sector],
        [known.Provider, known.Client, known.Size, known.TermMin, known.TermMax, known.TermStart, known.Sector].map(BigInt),
      );
      assert.equal(data, `0x00${cidBytes(known.Data['/']).toString('hex')}`);
      assert.equal(sector, BigInt(number));
    });

    it('are extended by their client only', async () => {
      const longer = [{ provider: miner.id, claim_id: claim, term_max: HALF_YEAR + 300_000 }];
      const other = await act(stranger, 'extendClaimTerms', longer);
      assert.deepEqual([other.exit, ...codes(other.result)], [0, 0n, [0n, 18n]]);
      const own = await act(client, 'extendClaimTerms', longer);
      assert.deepEqual([own.exit, ...codes(own.result)], [0, 1n]);
      assert.equal((await claims())[claim].TermMax, HALF_YEAR + 300_000);
    });

    it('are removed when they are over, not before', async () => {
      const params = { provider: miner.id, claim_ids: [claim] };
      const early = await act(stranger, 'removeExpiredClaims', params);
      assert.deepEqual([early.exit, ...codes(early.result.results)], [0, 0n, [0n, 18n]]);
      assert.ok((await claims())[claim]);
      await chain.advance(HALF_YEAR + 300_000);
      const late = await act(stranger, 'removeExpiredClaims', params);
      assert.deepEqual([late.exit, ...codes(late.result.results)], [0, 1n]);
      assert.equal((await claims())[claim], undefined);
    });
  });
});

/// A batch as [successes, [index, code]…].
function codes({ success_count, fail_codes }) {
  return [success_count, ...fail_codes.map(({ idx, code }) => [idx, code])];
}

function hex(bytes) {
  return `0x${bytes.toString('hex')}`;
}
