//! The OpenRPC document: every method with the JSON schemas of what it takes and gives.
//!
//! A declaration names the shapes of its parameters and of its result; what a shape is
//! made of is said here, once. Shapes of the Ethereum side follow the rules of Ethereum's
//! execution APIs: quantities without leading zeros, bytes in pairs of digits.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::registry::{Method, Paths, Work};

/// Texts of a form.
const TEXTS: &[(&str, &str)] = &[
    ("quantity", "^0x(0|[1-9a-f][0-9a-f]*)$"),
    ("hex bytes", "^0x([0-9a-f]{2})*$"),
    ("0x address", "^0x[0-9a-fA-F]{40}$"),
    ("32-byte hash", "^0x[0-9a-f]{64}$"),
    ("32-byte word", "^0x[0-9a-f]{64}$"),
    ("256-byte bloom", "^0x[0-9a-f]{512}$"),
    ("8 bytes", "^0x[0-9a-f]{16}$"),
    ("decimal text", "^[0-9]+$"),
    ("attoFIL", "^-?[0-9]+$"),
    ("big number", "^-?[0-9]+$"),
    ("base64 bytes", "^[A-Za-z0-9+/]*={0,2}$"),
    ("Filecoin address", "^([ft][01234][a-z0-9]*|<empty>)$"),
    (
        "0x or Filecoin address",
        "^(0x[0-9a-fA-F]{40}|[ft][01234][a-z0-9]*)$",
    ),
    ("time", "^[0-9-]+T[0-9:.]+Z$"),
    ("text", ""),
    ("filter id", "^0x[0-9a-f]+$"),
    ("subscription id", "^0x[0-9a-f]+$"),
];

/// Objects: their members, and after a question mark those that may be missing. A shape
/// followed by `[]` is an array of it, by `{}` an object of it under any names, by `?` it
/// may be null.
const OBJECTS: &[(&str, &str)] = &[
    // Ethereum.
    (
        "block object",
        "hash: 32-byte hash, parentHash: 32-byte hash, sha3Uncles: 32-byte hash, \
         miner: 0x address, stateRoot: 32-byte hash, transactionsRoot: 32-byte hash, \
         receiptsRoot: 32-byte hash, logsBloom: 256-byte bloom, difficulty: quantity, \
         totalDifficulty: quantity, number: quantity, gasLimit: quantity, gasUsed: quantity, \
         timestamp: quantity, extraData: hex bytes, mixHash: 32-byte hash, nonce: 8 bytes, \
         baseFeePerGas: quantity, size: quantity, transactions: transaction or hash[], \
         uncles: 32-byte hash[]",
    ),
    (
        "transaction object",
        "chainId: quantity, nonce: quantity, hash: 32-byte hash, blockHash: 32-byte hash?, \
         blockNumber: quantity?, transactionIndex: quantity?, from: 0x address, \
         to: 0x address?, value: quantity, type: quantity, input: hex bytes, gas: quantity, \
         maxFeePerGas?: quantity, maxPriorityFeePerGas?: quantity, gasPrice?: quantity, \
         accessList: any[]?, v: quantity, r: quantity, s: quantity, yParity?: quantity",
    ),
    (
        "receipt",
        "transactionHash: 32-byte hash, transactionIndex: quantity, blockHash: 32-byte hash, \
         blockNumber: quantity, from: 0x address, to: 0x address?, root: 32-byte hash, \
         status: quantity, contractAddress: 0x address?, cumulativeGasUsed: quantity, \
         gasUsed: quantity, effectiveGasPrice: quantity, logsBloom: 256-byte bloom, \
         logs: log[], type: quantity",
    ),
    (
        "log",
        "address: 0x address, data: hex bytes, topics: 32-byte hash[], removed: bool, \
         logIndex: quantity, transactionIndex: quantity, transactionHash: 32-byte hash, \
         blockHash: 32-byte hash, blockNumber: quantity",
    ),
    (
        "fee history",
        "oldestBlock: quantity, baseFeePerGas: quantity[], gasUsedRatio: fraction[], \
         reward?: quantity[][]",
    ),
    (
        "transaction",
        "from?: 0x address, to?: 0x address?, gas?: quantity, gasPrice?: quantity, \
         maxFeePerGas?: quantity, maxPriorityFeePerGas?: quantity, value?: quantity, \
         input?: hex bytes, data?: hex bytes, nonce?: quantity, chainId?: quantity, \
         accessList?: any[], type?: quantity",
    ),
    (
        "account override",
        "balance?: quantity, nonce?: quantity, code?: hex bytes, state?: 32-byte word{}, \
         stateDiff?: 32-byte word{}",
    ),
    (
        "block overrides",
        "number?: quantity, time?: quantity, baseFee?: quantity",
    ),
    (
        "log filter of blocks",
        "fromBlock?: block, toBlock?: block, address?: addresses, topics?: topic[]",
    ),
    (
        "log filter of a block",
        "blockHash: 32-byte hash, address?: addresses, topics?: topic[]",
    ),
    (
        "trace filter",
        "fromBlock?: block, toBlock?: block, fromAddress?: 0x address[], \
         toAddress?: 0x address[], after?: quantity, count?: quantity",
    ),
    (
        "trace options",
        "tracer?: tracer, tracerConfig?: object, enableMemory?: bool, disableMemory?: bool, \
         disableStack?: bool, disableStorage?: bool, enableReturnData?: bool, limit?: number, \
         stateOverrides?: state overrides, blockOverrides?: block overrides",
    ),
    (
        "access list",
        "accessList: any[], gasUsed: quantity, error?: text",
    ),
    (
        "account info",
        "balance: quantity, nonce: quantity, code: hex bytes",
    ),
    (
        "raw and decoded transaction",
        "raw: hex bytes, tx: transaction object",
    ),
    ("pool counts", "pending: quantity, queued: quantity"),
    (
        "pool content",
        "pending: transaction object{}{}, queued: transaction object{}{}",
    ),
    (
        "pool content of a sender",
        "pending: transaction object{}, queued: transaction object{}",
    ),
    ("pool texts", "pending: text{}{}, queued: text{}{}"),
    (
        "flat trace",
        "type: text, action: object, result?: object, error?: text, subtraces: number, \
         traceAddress: number[], blockHash: 32-byte hash, blockNumber: number, \
         transactionHash: 32-byte hash, transactionPosition: number",
    ),
    (
        "replay",
        "output: hex bytes, stateDiff: object?, trace: object[], \
         transactionHash?: 32-byte hash, vmTrace: any?",
    ),
    // Development.
    (
        "metadata",
        "clientVersion: text, clientSemver: text, clientCommitSha: text?, chainId: number, \
         instanceId: 32-byte hash, latestBlockNumber: number, latestBlockHash: 32-byte hash, \
         snapshots: object",
    ),
    (
        "node info",
        "currentBlockNumber: quantity, currentBlockTimestamp: number, \
         currentBlockHash: 32-byte hash, hardFork: text, transactionOrder: text, \
         environment: object, forkConfig: object, network: text?",
    ),
    // Filecoin.
    ("CID", "/: text"),
    (
        "Message",
        "Version?: number, To: Filecoin address, From: Filecoin address, Nonce?: number, \
         Value?: attoFIL, GasLimit?: number, GasFeeCap?: attoFIL, GasPremium?: attoFIL, \
         Method?: number, Params?: base64 bytes?, CID?: CID",
    ),
    ("Signature", "Type: signature type, Data: base64 bytes"),
    (
        "SignedMessage",
        "Message: Message, Signature: Signature, CID?: CID",
    ),
    (
        "Receipt",
        "ExitCode: number, Return: base64 bytes?, GasUsed: number, EventsRoot: CID?",
    ),
    ("Ticket", "VRFProof: base64 bytes"),
    ("ElectionProof", "WinCount: integer, VRFProof: base64 bytes"),
    ("BeaconEntry", "Round: number, Data: base64 bytes"),
    (
        "WinningProof",
        "PoStProof: integer, ProofBytes: base64 bytes",
    ),
    (
        "BlockHeader",
        "Miner: Filecoin address, Ticket: Ticket?, ElectionProof: ElectionProof?, \
         BeaconEntries: BeaconEntry[], WinPoStProof: WinningProof[], Parents: CID[], \
         ParentWeight: big number, Height: integer, ParentStateRoot: CID, \
         ParentMessageReceipts: CID, Messages: CID, BLSAggregate: Signature?, \
         Timestamp: number, BlockSig: Signature?, ForkSignaling: number, \
         ParentBaseFee: attoFIL",
    ),
    (
        "TipSet",
        "Cids: CID[], Blocks: BlockHeader[], Height: integer",
    ),
    (
        "BlockMessages",
        "BlsMessages: Message[], SecpkMessages: SignedMessage[], Cids: CID[]",
    ),
    ("message with CID", "Cid: CID, Message: Message"),
    ("HeadChange", "Type: text, Val: TipSet"),
    (
        "Actor",
        "Code: CID, Head: CID, Nonce: number, Balance: attoFIL, \
         DelegatedAddress: Filecoin address?",
    ),
    ("ActorState", "Balance: attoFIL, Code: CID, State: any"),
    (
        "MsgLookup",
        "Message: CID, Receipt: Receipt, ReturnDec: any?, TipSet: CID[], Height: integer",
    ),
    (
        "GasCost",
        "Message: CID, GasUsed: attoFIL, BaseFeeBurn: attoFIL, OverEstimationBurn: attoFIL, \
         MinerPenalty: attoFIL, MinerTip: attoFIL, Refund: attoFIL, TotalCost: attoFIL",
    ),
    (
        "InvocResult",
        "MsgCid: CID, Msg: Message, MsgRct: Receipt, GasCost: GasCost, \
         ExecutionTrace: ExecutionTrace?, Error: text, Duration: number",
    ),
    (
        "ExecutionTrace",
        "Msg: MessageTraced, MsgRct: ReturnTraced, InvokedActor?: object, \
         GasCharges: GasCharge[], Subcalls: ExecutionTrace[]?, Logs?: text[], \
         IpldOps?: IpldOp[]",
    ),
    (
        "MessageTraced",
        "From: Filecoin address, To: Filecoin address, Value: attoFIL, Method: number, \
         Params: base64 bytes?, ParamsCodec: number, GasLimit: number, ReadOnly: bool",
    ),
    (
        "ReturnTraced",
        "ExitCode: number, Return: base64 bytes?, ReturnCodec: number",
    ),
    (
        "GasCharge",
        "Name: text, tg: number, cg: number, sg: number, tt: number",
    ),
    ("IpldOp", "Op: text, Cid: CID, Size: number"),
    ("ComputedState", "Root: CID, Trace: InvocResult[]"),
    ("SendSpec", "MaxFee?: attoFIL, MaximizeFeeCap?: bool"),
    ("MessagePrototype", "Message: Message, ValidNonce?: bool"),
    (
        "CheckStatus",
        "Cid: CID, Code: number, OK: bool, Err: text, Hint: object",
    ),
    (
        "MpoolConfig",
        "PriorityAddrs: Filecoin address[]?, SizeLimitHigh: number, SizeLimitLow: number, \
         ReplaceByFeeRatio: fraction, PruneCooldown: number, GasLimitOverestimation: fraction",
    ),
    (
        "MessageMatch",
        "To?: Filecoin address?, From?: Filecoin address?",
    ),
    (
        "Version",
        "Version: text, APIVersion: number, BlockDelay: number, Agent: text",
    ),
    ("KeyInfo", "Type: text, PrivateKey: base64 bytes"),
    (
        "BeneficiaryTerm",
        "Quota: attoFIL, UsedQuota: attoFIL, Expiration: integer",
    ),
    (
        "PendingBeneficiary",
        "NewBeneficiary: Filecoin address, NewQuota: attoFIL, NewExpiration: integer, \
         ApprovedByBeneficiary: bool, ApprovedByNominee: bool",
    ),
    (
        "MinerInfo",
        "Owner: Filecoin address, Worker: Filecoin address, NewWorker: Filecoin address, \
         ControlAddresses: Filecoin address[], WorkerChangeEpoch: integer, PeerId: text?, \
         Multiaddrs: base64 bytes[], WindowPoStProofType: integer, SectorSize: number, \
         WindowPoStPartitionSectors: number, ConsensusFaultElapsed: integer, \
         PendingOwnerAddress: Filecoin address?, Beneficiary: Filecoin address, \
         BeneficiaryTerm: BeneficiaryTerm, PendingBeneficiaryTerm: PendingBeneficiary?",
    ),
    (
        "Claim of power",
        "RawBytePower: big number, QualityAdjPower: big number",
    ),
    (
        "MinerPower",
        "MinerPower: Claim of power, TotalPower: Claim of power, HasMinPower: bool",
    ),
    (
        "DeadlineInfo",
        "CurrentEpoch: integer, PeriodStart: integer, Index: number, Open: integer, \
         Close: integer, Challenge: integer, FaultCutoff: integer, \
         WPoStPeriodDeadlines: number, WPoStProvingPeriod: integer, \
         WPoStChallengeWindow: integer, WPoStChallengeLookback: integer, \
         FaultDeclarationCutoff: integer",
    ),
    (
        "Deadline",
        "PostSubmissions: run lengths, DisputableProofCount: number, DailyFee: attoFIL",
    ),
    (
        "Partition",
        "AllSectors: run lengths, FaultySectors: run lengths, RecoveringSectors: run lengths, \
         LiveSectors: run lengths, ActiveSectors: run lengths",
    ),
    (
        "SectorCount",
        "Live: number, Active: number, Faulty: number",
    ),
    (
        "SectorOnChainInfo",
        "SectorNumber: number, SealProof: integer, SealedCID: CID, Activation: integer, \
         Expiration: integer, DealWeight: big number, VerifiedDealWeight: big number, \
         InitialPledge: attoFIL, ExpectedDayReward: attoFIL?, \
         ExpectedStoragePledge: attoFIL?, PowerBaseEpoch: integer, \
         ReplacedDayReward: attoFIL?, SectorKeyCID: CID?, Flags: number, DailyFee: attoFIL",
    ),
    (
        "PreCommitInfo",
        "SealProof: integer, SectorNumber?: number, SealedCID?: CID?, SealRandEpoch?: integer, \
         DealIDs?: number[]?, Expiration?: integer, UnsealedCid?: CID?",
    ),
    (
        "PreCommit",
        "Info: PreCommitInfo, PreCommitDeposit: attoFIL, PreCommitEpoch: integer",
    ),
    ("SectorExpiration", "OnTime: integer, Early: integer"),
    ("SectorLocation", "Deadline: number, Partition: number"),
    ("MarketBalance", "Escrow: attoFIL, Locked: attoFIL"),
    ("MarketDeal", "Proposal: DealProposal, State: DealState"),
    (
        "DealProposal",
        "PieceCID: CID, PieceSize: number, VerifiedDeal: bool, Client: Filecoin address, \
         Provider: Filecoin address, Label: text, StartEpoch: integer, EndEpoch: integer, \
         StoragePricePerEpoch: attoFIL, ProviderCollateral: attoFIL, \
         ClientCollateral: attoFIL",
    ),
    (
        "DealState",
        "SectorNumber: number, SectorStartEpoch: integer, LastUpdatedEpoch: integer, \
         SlashEpoch: integer",
    ),
    ("CollateralBounds", "Min: attoFIL, Max: attoFIL"),
    (
        "Allocation",
        "Client: number, Provider: number, Data: CID, Size: number, TermMin: integer, \
         TermMax: integer, Expiration: integer",
    ),
    (
        "Claim",
        "Provider: number, Client: number, Data: CID, Size: number, TermMin: integer, \
         TermMax: integer, TermStart: integer, Sector: number",
    ),
    (
        "VestingSchedule",
        "InitialBalance: attoFIL, StartEpoch: integer, UnlockDuration: integer",
    ),
    (
        "MsigTransaction",
        "ID: integer, To: Filecoin address, Value: attoFIL, Method: number, \
         Params: base64 bytes?, Approved: Filecoin address[]",
    ),
    (
        "CirculatingSupply",
        "FilVested: attoFIL, FilMined: attoFIL, FilBurnt: attoFIL, FilLocked: attoFIL, \
         FilCirculating: attoFIL, FilReserveDisbursed: attoFIL",
    ),
    (
        "NetworkParams",
        "NetworkName: text, BlockDelaySecs: number, ConsensusMinerMinPower: big number, \
         PreCommitChallengeDelay: integer, ForkUpgradeParams: integer{}, \
         Eip155ChainID: number, GenesisTimestamp: number",
    ),
    (
        "NodeStatus",
        "SyncStatus: object, PeerStatus: object, ChainStatus: object",
    ),
    ("SyncState", "ActiveSyncs: ActiveSync[], VMApplied: number"),
    (
        "ActiveSync",
        "WorkerID: number, Base: TipSet, Target: TipSet, Stage: number, Height: integer, \
         Start: time, End: time, Message: text",
    ),
    ("AddrInfo", "ID: text, Addrs: text[]"),
    ("ObjStat", "Size: number, Links: number"),
    (
        "EventFilter",
        "addresses?: Filecoin address[], fields?: event field[]{}, fromHeight?: number, \
         toHeight?: number, tipsetKey?: CID[]",
    ),
    ("event field", "codec?: number, value: base64 bytes"),
    (
        "event entry",
        "Flags: number, Key: text, Codec: number, Value: base64 bytes",
    ),
    ("Event", "Emitter: number, Entries: event entry[]"),
    (
        "ActorEvent",
        "entries: event entry[], emitter: Filecoin address, reverted: bool, height: integer, \
         tipsetKey: CID[], msgCid: CID",
    ),
    ("MpoolUpdate", "Type: number, Message: SignedMessage"),
    (
        "FinalityStatus",
        "ecFinalityThresholdDepth: integer, ecFinalizedTipSet: TipSet, \
         f3FinalizedTipSet: TipSet?, finalizedTipSet: TipSet, head: TipSet",
    ),
    (
        "tipset selector",
        "key?: CID[], height?: tipset height, tag?: tipset tag",
    ),
    (
        "tipset height",
        "at: integer, previous?: bool, anchor?: tipset anchor",
    ),
    ("tipset anchor", "key?: CID[], tag?: tipset tag"),
    // Our own.
    (
        "NodeInfo",
        "version: text, client_version: text, network: text, chain_id: number, \
         network_version: number, genesis_timestamp: number, block_time_secs: number, \
         mining: text, interval_ms: number?, epoch: integer, timestamp: number, \
         block_hash: 32-byte hash, state_root: text, base_fee: attoFIL, pending: number, \
         instance_id: 32-byte hash",
    ),
    (
        "ProviderEntry",
        "miner: text, worker: text, url: text, sector_size: number, stopped: bool",
    ),
    (
        "Account",
        "eth: 0x address?, delegated: Filecoin address, secp256k1: Filecoin address?, \
         private_key: hex bytes, balance: attoFIL, nonce: number",
    ),
    (
        "ActorInfo",
        "id: Filecoin address, robust: Filecoin address?, eth: 0x address?, actor: text?, \
         code: text, head: text, nonce: number, balance: attoFIL",
    ),
    ("built-in actor", "name: text, code: text, type: number"),
    ("ABI", "name: text, code: text, abi: object"),
    (
        "StatePart",
        "id: Filecoin address, actor: text?, balance: attoFIL, state: any",
    ),
    (
        "MessageTrace",
        "cid: text, hash: 32-byte hash?, epoch: integer, index: number?, exit_code: number, \
         exit: text, error: text?, gas_used: number, gas_limit: number, gas_cost: attoFIL, \
         call: object?",
    ),
    (
        "Report",
        "root: text, epoch: integer, actors: number{}, totals: object[], violations: object[]",
    ),
];

/// Other names for shapes.
const ALIASES: &[(&str, &str)] = &[
    ("0x addresses", "0x address[]"),
    ("Filecoin addresses", "Filecoin address[]"),
    ("CIDs", "CID[]"),
    ("tipset key", "CID[]"),
    ("texts", "text[]"),
    ("block or null", "block object?"),
    ("blocks", "block object[]"),
    ("transaction or null", "transaction object?"),
    ("receipts or null", "receipt[]?"),
    ("logs", "log[]"),
    ("traces", "object[]"),
    ("trace", "any"),
    ("flat traces", "flat trace[]"),
    ("replays", "replay[]"),
    ("state overrides", "account override{}"),
    ("module versions", "text{}"),
    ("list", "any[]"),
    ("Accounts", "Account[]"),
    ("Providers", "ProviderEntry[]"),
    ("actors", "built-in actor[]"),
    ("SignedMessages", "SignedMessage[]"),
    ("messages with CIDs", "message with CID[]?"),
    ("Receipts", "Receipt[]?"),
    ("HeadChanges", "HeadChange[]"),
    ("CheckStatuses", "CheckStatus[][]"),
    ("Deadlines", "Deadline[]"),
    ("Partitions", "Partition[]"),
    ("SectorOnChainInfos", "SectorOnChainInfo[]"),
    ("MarketDeals", "MarketDeal{}"),
    ("MarketBalances", "MarketBalance{}"),
    ("Allocations", "Allocation{}"),
    ("Claims", "Claim{}"),
    ("MsigTransactions", "MsigTransaction[]"),
    ("Actors", "Actor{}"),
    ("AddrInfos", "AddrInfo[]"),
    ("code CIDs", "CID{}"),
    ("Events", "Event[]"),
    ("ActorEvents", "ActorEvent[]"),
    ("channel", "number"),
    ("channel of HeadChanges", "number"),
    ("channel of MpoolUpdates", "number"),
    ("channel of ActorEvents", "number"),
    ("percentiles", "fraction[]"),
];

/// Shapes that are neither texts nor objects.
fn other(shape: &str) -> Option<Value> {
    Some(match shape {
        "bool" => json!({ "type": "boolean" }),
        "number" => json!({ "type": "integer", "minimum": 0 }),
        "integer" => json!({ "type": "integer" }),
        "fraction" => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
        "null" | "error" => json!({ "type": "null" }),
        "any" => json!(true),
        "object" => json!({ "type": "object" }),
        "run lengths" => json!({
            "type": "array", "items": { "type": "integer", "minimum": 0 },
        }),
        "block" => json!({ "oneOf": [
            { "type": "string", "enum": ["latest", "pending", "safe", "finalized", "earliest"] },
            reference("quantity"),
            reference("32-byte hash"),
        ] }),
        "interval" => json!({ "oneOf": [
            { "type": "integer", "minimum": 0 },
            { "type": "array", "items": { "type": "integer", "minimum": 0 } },
        ] }),
        "timestamp or {timestamp, blocks}" => json!({ "oneOf": [
            { "type": "integer", "minimum": 0 },
            {
                "type": "object",
                "properties": {
                    "timestamp": { "type": "integer", "minimum": 0 },
                    "blocks": { "type": "integer", "minimum": 0, "maximum": 100 },
                },
                "additionalProperties": false,
            },
        ] }),
        "network" => json!({ "type": "string", "enum": [
            "mainnet", "calibration", "butterfly", "caterpillar", "devnet", "testing",
        ] }),
        "tipset tag" => json!({ "type": "string", "enum": ["latest", "safe", "finalized"] }),
        "signature type" => json!({ "type": "integer", "enum": [1, 2, 3] }),
        "log filter" => json!({ "oneOf": [
            reference("log filter of blocks"), reference("log filter of a block"),
        ] }),
        "tracer" => json!({ "type": "string", "enum": [
            "callTracer", "flatCallTracer", "prestateTracer", "4byteTracer", "noopTracer",
        ] }),
        "trace types" => json!({
            "type": "array", "items": { "type": "string", "enum": ["trace", "stateDiff"] },
        }),
        "addresses" => json!({ "oneOf": [
            reference("0x address"),
            { "type": "array", "items": reference("0x address") },
        ] }),
        "topic" => json!({ "oneOf": [
            { "type": "null" },
            reference("32-byte hash"),
            { "type": "array", "items": reference("32-byte hash") },
        ] }),
        "transaction or hash" => json!({ "oneOf": [
            reference("32-byte hash"), reference("transaction object"),
        ] }),
        "logs or hashes" => json!({ "type": "array", "items": { "oneOf": [
            reference("32-byte hash"), reference("log"),
        ] } }),
        "{detail: \"calls\" | \"full\"}" => json!({
            "type": "object",
            "properties": { "detail": { "type": "string", "enum": ["calls", "full"] } },
            "additionalProperties": false,
        }),
        "{limit, start, inner_limit, block}" => json!({
            "type": "object",
            "properties": {
                "limit": { "type": "integer", "minimum": 0 },
                "start": { "type": "string" },
                "inner_limit": { "type": "integer", "minimum": 0 },
                "block": reference("block"),
            },
            "additionalProperties": false,
        }),
        _ => return None,
    })
}

/// A shape's name as a component.
fn key(shape: &str) -> String {
    shape
        .chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => '_',
        })
        .collect()
}

/// The schema of a shape where it is used: a reference, and what stands behind its name.
fn reference(shape: &str) -> Value {
    if let Some((_, alias)) = ALIASES.iter().find(|(name, _)| *name == shape) {
        return reference(alias);
    }
    if let Some(inner) = shape.strip_suffix("[]") {
        return json!({ "type": "array", "items": reference(inner) });
    }
    if let Some(inner) = shape.strip_suffix("{}") {
        return json!({ "type": "object", "additionalProperties": reference(inner) });
    }
    let nullable = shape
        .strip_suffix(" or null")
        .or_else(|| shape.strip_suffix('?'));
    if let Some(inner) = nullable {
        return json!({ "oneOf": [reference(inner), { "type": "null" }] });
    }
    json!({ "$ref": format!("#/components/schemas/{}", key(shape)) })
}

fn object(members: &str) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for member in members.split(", ") {
        let (name, shape) = member.split_once(": ").unwrap_or((member, "any"));
        let optional = name.strip_suffix('?');
        if optional.is_none() {
            required.push(name);
        }
        properties.insert(optional.unwrap_or(name).to_owned(), reference(shape));
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// All shapes by the names of their components.
pub fn schemas() -> BTreeMap<String, Value> {
    let mut schemas = BTreeMap::new();
    for (name, pattern) in TEXTS {
        let schema = match pattern.is_empty() {
            true => json!({ "type": "string" }),
            false => json!({ "type": "string", "pattern": pattern }),
        };
        schemas.insert(key(name), schema);
    }
    for (name, members) in OBJECTS {
        schemas.insert(key(name), object(members));
    }
    for name in [
        "bool",
        "number",
        "integer",
        "fraction",
        "null",
        "error",
        "any",
        "object",
        "run lengths",
        "block",
        "interval",
        "timestamp or {timestamp, blocks}",
        "network",
        "tipset tag",
        "signature type",
        "log filter",
        "tracer",
        "trace types",
        "addresses",
        "topic",
        "transaction or hash",
        "logs or hashes",
        "{detail: \"calls\" | \"full\"}",
        "{limit, start, inner_limit, block}",
    ] {
        schemas.extend(other(name).map(|schema| (key(name), schema)));
    }
    schemas
}

/// The schema of a shape, as declarations name it.
pub fn schema(shape: &str) -> Value {
    reference(shape)
}

/// The document for these methods; each name is a method of its own.
pub fn document<'a>(methods: impl Iterator<Item = &'a Method>) -> Value {
    let mut all = Vec::new();
    for method in methods {
        for name in method.names() {
            all.push(describe(method, name));
        }
    }
    json!({
        "openrpc": "1.2.6",
        "info": {
            "title": "Boatyard",
            "description": "Ethereum, Filecoin and development methods of a Filecoin devnet",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "methods": all,
        "components": { "schemas": schemas() },
    })
}

fn describe(method: &Method, name: &str) -> Value {
    let params: Vec<Value> = method
        .params
        .iter()
        .map(|param| {
            json!({
                "name": param.name,
                "required": !param.optional,
                "schema": match param.many {
                    true => json!({ "type": "array", "items": schema(param.shape) }),
                    false => schema(param.shape),
                },
            })
        })
        .collect();
    let mut description = json!({
        "name": name,
        "description": method.doc.split_whitespace().collect::<Vec<_>>().join(" "),
        "params": params,
        "paramStructure": "by-position",
        "result": { "name": method.result, "schema": schema(method.result) },
        "x-permission": method.permission.name(),
    });
    if let Paths::Only(path) = method.paths {
        description["x-path"] = json!(format!("{path:?}").to_lowercase());
    }
    if matches!(method.work, Work::Stream(_)) {
        description["x-stream"] = json!(true);
    }
    description
}

#[cfg(test)]
mod tests {
    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(Value::String(target)) = members.get("$ref") {
                    found.push(target.clone());
                }
                members
                    .values()
                    .for_each(|member| references(member, found));
            }
            Value::Array(items) => items.iter().for_each(|item| references(item, found)),
            _ => {}
        }
    }

    /// Every shape that a declaration or a shape names has a schema.
    #[test]
    fn every_shape_is_described() {
        let methods = crate::methods();
        let document = document(methods.iter());
        let schemas = schemas();
        let mut found = Vec::new();
        references(&document, &mut found);
        let missing: Vec<&String> = found
            .iter()
            .filter(|target| {
                let name = target.trim_start_matches("#/components/schemas/");
                !schemas.contains_key(name)
            })
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    #[test]
    fn shapes_are_put_together_from_their_names() {
        assert_eq!(
            reference("quantity[]?"),
            json!({ "oneOf": [
                { "type": "array", "items": { "$ref": "#/components/schemas/quantity" } },
                { "type": "null" },
            ] })
        );
        assert_eq!(object("a: text, b?: bool")["required"], json!(["a"]));
    }
}
