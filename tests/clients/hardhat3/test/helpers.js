// Every helper of hardhat-network-helpers, and what a project's tests do with them.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { network } from 'hardhat';

const { ethers, networkHelpers: helpers, provider } = await network.create('boatyard');
const { time } = helpers;
const somebody = '0x00000000000000000000000000000000000000aa';

describe('network helpers', () => {
  let built = 0;
  async function harbour() {
    built += 1;
    const [alice, bob] = await ethers.getSigners();
    const dues = await ethers.deployContract('Dues', [10n ** 24n]);
    const quay = await ethers.deployContract('Quay', [dues]);
    await (await dues.approve(quay, 10n ** 20n)).wait();
    return { alice, bob, dues, quay };
  }

  it('loadFixture builds once and goes back', async () => {
    const first = await helpers.loadFixture(harbour);
    await (await first.quay.moor(60)).wait();
    assert.equal(await first.quay.count(), 1n);
    const second = await helpers.loadFixture(harbour);
    assert.equal(built, 1);
    assert.equal(await second.quay.getAddress(), await first.quay.getAddress());
    assert.equal(await second.quay.count(), 0n);
  });

  it('time passes', async () => {
    const { alice, quay } = await helpers.loadFixture(harbour);
    const receipt = await (await quay.moor(3600)).wait();
    const [event] = await quay.queryFilter(quay.filters.Moored(alice), receipt.blockNumber);
    const error = await quay.moor.staticCall(60).then(() => assert.fail('it succeeded'), (error) => error);
    assert.equal(error.revert?.name ?? quay.interface.parseError(error.data).name, 'Occupied');
    await time.increaseTo(event.args.until);
    assert.ok((await time.latest()) >= Number(event.args.until));
    await (await quay.moor(60)).wait();
    assert.equal(await quay.count(), 2n);

    const before = await time.latest();
    await time.increase(time.duration.days(1));
    assert.ok((await time.latest()) >= before + 86_400);
    const next = (await time.latest()) + 300;
    await time.setNextBlockTimestamp(next);
    await helpers.mine();
    assert.equal(await time.latest(), next);
  });

  it('blocks are mined one by one, many, and up to a number', async () => {
    const start = await time.latestBlock();
    await helpers.mine();
    await helpers.mine(10);
    assert.equal(await time.latestBlock(), start + 11);
    await helpers.mineUpTo(start + 20);
    assert.equal(await time.latestBlock(), start + 20);
    for (let number = start; number <= start + 20; number += 1) {
      assert.equal((await ethers.provider.getBlock(number)).number, number);
    }
    // Two epochs of 30 s lie between blocks that are a minute apart.
    const begun = await time.latest();
    await helpers.mine(3, { interval: 60 });
    assert.equal(await time.latest(), begun + 30 + 2 * 60);
  });

  it('accounts are changed from outside', async () => {
    await helpers.setBalance(somebody, 10n ** 18n);
    assert.equal(await ethers.provider.getBalance(somebody), 10n ** 18n);
    await helpers.setCode(somebody, '0x602a60005260206000f3');
    assert.equal(BigInt(await ethers.provider.call({ to: somebody })), 42n);
    await helpers.setStorageAt(somebody, 3, 99);
    assert.equal(BigInt(await helpers.getStorageAt(somebody, 3)), 99n);
    const other = '0x00000000000000000000000000000000000000bb';
    await helpers.setNonce(other, 7);
    assert.equal(await ethers.provider.getTransactionCount(other), 7);
  });

  it('anybody is impersonated', async () => {
    const { dues, quay } = await helpers.loadFixture(harbour);
    const address = await quay.getAddress();
    await helpers.impersonateAccount(address);
    await helpers.setBalance(address, 10n ** 18n);
    const signer = await ethers.getSigner(address);
    await (await dues.connect(signer).approve(somebody, 5n)).wait();
    assert.equal(await dues.allowance(quay, somebody), 5n);
    await helpers.stopImpersonatingAccount(address);
    await assert.rejects(async () => dues.connect(signer).approve(somebody, 6n));
  });

  it('roles are given', async () => {
    const { bob, dues } = await helpers.loadFixture(harbour);
    const error = await dues.connect(bob).mint(bob, 1n).then(() => assert.fail('it succeeded'), (error) => error);
    assert.match(`${error.message} ${error.data}`, /AccessControlUnauthorizedAccount|0xe2517d3f/);
    await (await dues.grantRole(await dues.CASHIER(), bob)).wait();
    await (await dues.connect(bob).mint(bob, 7n)).wait();
    assert.equal(await dues.balanceOf(bob), 7n);
  });

  it('snapshots go back, transactions are dropped, fees and randomness set', async () => {
    const snapshot = await helpers.takeSnapshot();
    await helpers.setBalance(somebody, 5n);
    await snapshot.restore();
    assert.notEqual(await ethers.provider.getBalance(somebody), 5n);
    await helpers.clearSnapshots();

    await provider.request({ method: 'evm_setAutomine', params: [false] });
    const [alice] = await ethers.getSigners();
    const hash = await provider.request({
      method: 'eth_sendTransaction',
      params: [{ from: alice.address, to: somebody, value: '0x1', gas: '0x5f5e100' }],
    });
    await helpers.dropTransaction(hash);
    assert.equal(await ethers.provider.getTransaction(hash), null);
    await provider.request({ method: 'evm_setAutomine', params: [true] });

    await helpers.setNextBlockBaseFeePerGas(12345);
    await helpers.mine();
    assert.equal((await ethers.provider.getBlock('latest')).baseFeePerGas, 12345n);
    await helpers.setPrevRandao(777);
    await helpers.setBlockGasLimit(10_000_000_000);
    await helpers.setCoinbase(somebody);
  });

  it('a reset begins anew', async () => {
    await helpers.mine(5);
    await provider.request({ method: 'hardhat_reset', params: [] });
    assert.equal(await time.latestBlock(), 0);
  });
});
