const { buildModule } = require('@nomicfoundation/hardhat-ignition/modules');

module.exports = buildModule('Harbour', (m) => {
  const share = m.contract('Share', [10n ** 24n]);
  const council = m.contract('Council', [share]);
  const berths = m.contract('Berths');
  m.call(berths, 'grantRole', [m.staticCall(berths, 'HARBOURMASTER'), m.getAccount(1)]);
  return { share, council, berths };
});
