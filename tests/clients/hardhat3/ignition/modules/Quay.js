import { buildModule } from '@nomicfoundation/hardhat-ignition/modules';

export default buildModule('Harbour', (m) => {
  const dues = m.contract('Dues', [10n ** 24n]);
  const quay = m.contract('Quay', [dues]);
  m.call(dues, 'grantRole', [m.staticCall(dues, 'CASHIER'), m.getAccount(1)]);
  m.call(dues, 'approve', [quay, 1000n]);
  return { dues, quay };
});
