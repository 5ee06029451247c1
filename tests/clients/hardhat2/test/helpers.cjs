// Every helper of hardhat-network-helpers.
const assert = require('node:assert/strict');
const { ethers, network } = require('hardhat');
const helpers = require('@nomicfoundation/hardhat-network-helpers');

const { loadFixture, mine, mineUpTo, reset, time } = helpers;

describe('network helpers', () => {
  const somebody = '0x00000000000000000000000000000000000000aa';
  let deployments = 0;
  const lock = async () => {
    deployments += 1;
    const opens = (await time.latest()) + 30 * 24 * 3600;
    const contract = await (await ethers.getContractFactory('Lock')).deploy(opens, { value: 5n });
    return { contract: await contract.waitForDeployment(), opens };
  };

  it('loadFixture deploys once and goes back', async () => {
    const first = await loadFixture(lock);
    await helpers.setBalance(somebody, 123n);
    const second = await loadFixture(lock);
    assert.equal(deployments, 1);
    assert.equal(await second.contract.getAddress(), await first.contract.getAddress());
    assert.equal(await ethers.provider.getBalance(somebody), 0n);
  });

  it('time passes', async () => {
    const { contract, opens } = await loadFixture(lock);
    await assert.rejects(contract.open.staticCall(), /TooEarly|revert/);
    await time.increase(24 * 3600);
    const before = await time.latest();
    await time.increaseTo(opens);
    assert.ok((await time.latest()) >= opens && (await time.latest()) > before);
    await (await contract.open()).wait();
    assert.equal(await ethers.provider.getBalance(contract), 0n);

    const next = (await time.latest()) + 300;
    await time.setNextBlockTimestamp(next);
    await mine();
    assert.equal(await time.latest(), next);
    assert.equal(await time.latestBlock(), await ethers.provider.getBlockNumber());
  });

  it('blocks are mined', async () => {
    const start = await time.latestBlock();
    await mine();
    await mine(10);
    assert.equal(await time.latestBlock(), start + 11);
    await mineUpTo(start + 20);
    assert.equal(await time.latestBlock(), start + 20);
    for (let number = start; number <= start + 20; number += 1) {
      assert.equal((await ethers.provider.getBlock(number)).number, number);
    }
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
    const { contract, opens } = await loadFixture(lock);
    await helpers.impersonateAccount(somebody);
    await helpers.setBalance(somebody, 10n ** 18n);
    const signer = await ethers.getSigner(somebody);
    await time.increaseTo(opens);
    const sent = await contract.connect(signer).open();
    assert.equal((await sent.wait()).from.toLowerCase(), somebody);
    await helpers.stopImpersonatingAccount(somebody);
    await assert.rejects(signer.sendTransaction({ to: somebody }));
    const direct = await ethers.getImpersonatedSigner(await contract.getAddress());
    await helpers.setBalance(direct.address, 10n ** 18n);
    await (await direct.sendTransaction({ to: somebody, value: 1n })).wait();
  });

  it('snapshots go back, transactions are dropped, fees and randomness set', async () => {
    const snapshot = await helpers.takeSnapshot();
    await helpers.setBalance(somebody, 5n);
    await snapshot.restore();
    assert.notEqual(await ethers.provider.getBalance(somebody), 5n);

    await network.provider.send('evm_setAutomine', [false]);
    const [alice] = await ethers.getSigners();
    const hash = await network.provider.send('eth_sendTransaction', [
      { from: alice.address, to: somebody, value: '0x1', gas: '0x5f5e100' },
    ]);
    await helpers.dropTransaction(hash);
    assert.equal(await ethers.provider.getTransaction(hash), null);
    await network.provider.send('evm_setAutomine', [true]);

    await helpers.setNextBlockBaseFeePerGas(12345);
    await mine();
    assert.equal((await ethers.provider.getBlock('latest')).baseFeePerGas, 12345n);
    await helpers.setPrevRandao(777);
    await helpers.setBlockGasLimit(10_000_000_000);
    await helpers.setCoinbase(somebody);
  });

  it('reset begins anew', async () => {
    await mine(5);
    await reset();
    assert.equal(await time.latestBlock(), 0);
  });
});
