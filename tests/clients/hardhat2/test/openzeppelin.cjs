// OpenZeppelin's contracts, deployed and driven through hardhat-ethers.
const assert = require('node:assert/strict');
const { ethers } = require('hardhat');
const { loadFixture, mine, takeSnapshot, time } = require('@nomicfoundation/hardhat-network-helpers');

const deploy = async (name, ...args) => {
  const contract = await (await ethers.getContractFactory(name)).deploy(...args);
  return contract.waitForDeployment();
};
const refusal = async (promise, iface) => {
  const error = await promise.then(() => assert.fail('it succeeded'), (error) => error);
  const data = error.data ?? error.error?.data ?? error.info?.error?.data;
  return iface.parseError(typeof data === 'string' ? data : data.data).name;
};

describe('OpenZeppelin', () => {
  const harbour = async () => {
    const [alice, bob, carol] = await ethers.getSigners();
    return { alice, bob, carol, share: await deploy('Share', 10n ** 24n), berths: await deploy('Berths') };
  };

  it('ERC-20 moves, permits and counts votes', async () => {
    const { alice, bob, carol, share } = await loadFixture(harbour);
    await (await share.transfer(bob, 1000n)).wait();
    assert.equal(await share.balanceOf(bob), 1000n);
    assert.equal(
      await refusal(share.connect(carol).transfer(bob, 1n), share.interface),
      'ERC20InsufficientBalance',
    );

    // A permit is signed as typed data by a key of the node.
    const deadline = (await time.latest()) + 3600;
    const domain = {
      name: 'Harbour Share', version: '1',
      chainId: (await ethers.provider.getNetwork()).chainId, verifyingContract: await share.getAddress(),
    };
    const types = {
      Permit: ['owner:address', 'spender:address', 'value:uint256', 'nonce:uint256', 'deadline:uint256']
        .map((field) => ({ name: field.split(':')[0], type: field.split(':')[1] })),
    };
    const message = { owner: alice.address, spender: carol.address, value: 77n, nonce: 0n, deadline };
    const { v, r, s } = ethers.Signature.from(await alice.signTypedData(domain, types, message));
    await (await share.permit(alice, carol, 77n, deadline, v, r, s)).wait();
    await (await share.connect(carol).transferFrom(alice, carol, 77n)).wait();
    assert.equal(await share.balanceOf(carol), 77n);
  });

  it('ERC-721 is given out by those who hold the role', async () => {
    const { alice, bob, berths } = await loadFixture(harbour);
    assert.equal(
      await refusal(berths.connect(bob).give(bob), berths.interface),
      'AccessControlUnauthorizedAccount',
    );
    await (await berths.grantRole(await berths.HARBOURMASTER(), bob)).wait();
    const receipt = await (await berths.connect(bob).give(alice)).wait();
    const [log] = receipt.logs.map((log) => berths.interface.parseLog(log));
    assert.deepEqual([log.name, log.args.to, log.args.tokenId], ['Transfer', alice.address, 0n]);
    assert.equal(await berths.ownerOf(0n), alice.address);
    await (await berths['safeTransferFrom(address,address,uint256)'](alice, bob, 0n)).wait();
    assert.equal(await berths.balanceOf(bob), 1n);
    assert.equal(await berths.supportsInterface('0x80ac58cd'), true);
  });

  it('a governor proposes, votes over a hundred blocks, and executes', async () => {
    const { alice, bob, share } = await loadFixture(harbour);
    const council = await deploy('Council', await share.getAddress());
    await (await share.delegate(alice)).wait();
    await (await share.transfer(council, 500n)).wait();
    const action = share.interface.encodeFunctionData('transfer', [bob.address, 500n]);
    const proposal = [[await share.getAddress()], [0n], [action], 'pay bob'];
    const proposed = await (await council.propose(...proposal)).wait();
    const { proposalId } = council.interface.parseLog(proposed.logs[0]).args;
    assert.equal(await council.state(proposalId), 0n, 'pending');
    await mine(3);
    assert.equal(await council.state(proposalId), 1n, 'active');
    await (await council.castVote(proposalId, 1)).wait();
    await mine(100);
    assert.equal(await council.state(proposalId), 4n, 'succeeded');
    const hash = ethers.id('pay bob');
    await (await council.execute(...proposal.slice(0, 3), hash)).wait();
    assert.equal(await council.state(proposalId), 7n, 'executed');
    assert.equal(await share.balanceOf(bob), 500n);
  });

  it('a timelock waits for two days, and roles are given up', async () => {
    const { alice, bob, share } = await loadFixture(harbour);
    const delay = 2 * 24 * 3600;
    const clerk = await deploy('Clerk', delay, [alice.address]);
    await (await share.transfer(clerk, 9n)).wait();
    const nothing = ethers.ZeroHash;
    const action = share.interface.encodeFunctionData('transfer', [bob.address, 9n]);
    const operation = [await share.getAddress(), 0n, action, nothing, nothing];
    await (await clerk.schedule(...operation, delay)).wait();
    const id = await clerk.hashOperation(...operation);
    assert.equal(
      await refusal(clerk.execute.staticCall(...operation), clerk.interface),
      'TimelockUnexpectedOperationState',
    );
    const before = await takeSnapshot();
    await time.increase(delay);
    assert.equal(await clerk.isOperationReady(id), true);
    await (await clerk.execute(...operation)).wait();
    assert.equal(await share.balanceOf(bob), 9n);
    await before.restore();
    assert.equal(await share.balanceOf(bob), 0n);
    assert.equal(await clerk.isOperationReady(id), false);
    const role = await clerk.CANCELLER_ROLE();
    await (await clerk.renounceRole(role, alice)).wait();
    assert.equal(
      await refusal(clerk.cancel.staticCall(id), clerk.interface),
      'AccessControlUnauthorizedAccount',
    );
  });
});
