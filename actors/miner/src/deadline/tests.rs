//! Random lives of sectors, against a model without queues and sums.

use std::collections::BTreeSet;

use boatyard_actors_shared::Policy;
use boatyard_sdk::NetworkVariant;
use fvm_ipld_bitfield::BitField;
use fvm_ipld_blockstore::MemoryBlockstore;
use fvm_ipld_encoding::RawBytes;
use fvm_shared::address::Address;
use fvm_shared::clock::ChainEpoch;
use fvm_shared::econ::TokenAmount;
use fvm_shared::sector::{RegisteredPoStProof, SectorNumber, SectorSize};
use proptest::prelude::*;

use crate::amt;
use crate::bitfield_queue::bits_of;
use crate::deadline::PartitionSectors;
use crate::expiration_queue::ExpirationQueue;
use crate::invariants;
use crate::partition::ends::Limits;
use crate::partition::{Frame, Placing};
use crate::pre_commits::Collisions;
use crate::schema::{Deadline, MinerInfo, Partition, SectorOnChainInfo, State};
use crate::sectors::Sectors;
use crate::testing;
use crate::types::PoStPartition;

mod model;

use model::{Health, Model, Numbers, weight};

/// Deadlines that get sectors.
const DEADLINES: usize = 2;
const PARTITION_SIZE: usize = 3;
const DAY: ChainEpoch = 2_880;
const FAULTS_LAST: ChainEpoch = 42 * DAY;
const SIZE: SectorSize = SectorSize::_2KiB;

/// Chooses among what there is: bit `i` stands for the `i`th of it, repeatedly.
type Choice = u16;

#[derive(Debug, Clone)]
enum Step {
    /// New sectors of these lives in days, with tenths of verified data.
    Add(usize, Vec<(u8, u8)>),
    /// A day in which for each deadline the chosen partitions are proven, the chosen
    /// sectors skipped.
    Day([(Choice, Choice); DEADLINES]),
    /// Days in which everything is proven.
    Days(u8),
    Fault(usize, Choice),
    Recover(usize, Choice),
    Terminate(usize, Choice),
    /// Chosen active sectors of a partition live these days longer.
    Extend(usize, u8, Choice, u8),
    Compact(usize, Choice),
    /// Settlement of at most so many partitions and sectors.
    Settle(u64, u64),
}

struct World {
    store: MemoryBlockstore,
    policy: Policy,
    state: State,
    model: Model,
    /// First epoch of the day to come.
    today: ChainEpoch,
    next_number: SectorNumber,
}

impl World {
    fn new() -> Self {
        let store = MemoryBlockstore::new();
        let policy = Policy::of(NetworkVariant::Devnet).clone();
        let proof = RegisteredPoStProof::StackedDRGWindow2KiBV1P1;
        let anybody = Address::new_id(100);
        let info =
            MinerInfo::new(anybody, anybody, vec![], RawBytes::default(), vec![], proof).unwrap();
        let info = crate::blocks::put(&store, &info, "info").unwrap();
        let mut state = State::new(&policy, &store, info, 0, 0).unwrap();
        state.deadline_cron_active = true;
        let quants = (0..DEADLINES as u64)
            .map(|index| state.deadline_quant(&policy, index))
            .collect();
        Self {
            model: Model::new(PARTITION_SIZE, quants),
            store,
            policy,
            state,
            today: DAY,
            next_number: 0,
        }
    }

    fn frame(&self, deadline: usize) -> Frame<'_, MemoryBlockstore> {
        self.state
            .frame(&self.policy, &self.store, SIZE, deadline as u64)
    }

    fn sectors(&self) -> Sectors<'_, MemoryBlockstore> {
        Sectors::load(&self.store, &self.state.sectors).unwrap()
    }

    fn deadline(&self, index: usize) -> Deadline {
        let deadlines = self.state.load_deadlines(&self.store).unwrap();
        deadlines.load(&self.store, index as u64).unwrap()
    }

    fn save(&mut self, index: usize, deadline: &Deadline) {
        let mut deadlines = self.state.load_deadlines(&self.store).unwrap();
        deadlines.save(&self.store, index as u64, deadline).unwrap();
        self.state.save_deadlines(&self.store, &deadlines).unwrap();
    }

    fn partitions(&self, deadline: &Deadline) -> Vec<Partition> {
        let mut found = Vec::new();
        amt::open(&deadline.partitions, &self.store)
            .unwrap()
            .for_each(|_, partition| {
                found.push(partition.clone());
                Ok(())
            })
            .unwrap();
        found
    }

    /// Until when a fault found in the next window may last.
    fn faults_end(&self, deadline: usize) -> ChainEpoch {
        let window = self
            .state
            .next_window(&self.policy, deadline as u64, self.today);
        window.last() + FAULTS_LAST
    }

    /// The chosen sectors of a deadline by partition, and all of them.
    fn choose(
        &self,
        deadline: usize,
        choice: Choice,
        test: impl Fn(&model::Sector) -> bool,
    ) -> (PartitionSectors, Numbers) {
        let (mut by_partition, mut all) = (PartitionSectors::new(), Numbers::new());
        for (index, partition) in self.model.partitions[deadline].iter().enumerate() {
            let chosen = partition
                .iter()
                .filter(|number| is_chosen(choice, **number) && test(&self.model.sectors[number]));
            let chosen: Numbers = chosen.copied().collect();
            if !chosen.is_empty() {
                by_partition.insert(index as u64, bits(&chosen));
                all.extend(chosen);
            }
        }
        (by_partition, all)
    }

    fn play(&mut self, step: &Step) {
        match step {
            Step::Add(deadline, lives) => self.add(*deadline, lives),
            Step::Day(proofs) => self.day(proofs),
            Step::Days(count) => {
                for _ in 0..*count {
                    self.day(&[(Choice::MAX, 0); DEADLINES]);
                }
            }
            Step::Fault(deadline, choice) => self.fault(*deadline, *choice),
            Step::Recover(deadline, choice) => self.recover(*deadline, *choice),
            Step::Terminate(deadline, choice) => self.terminate(*deadline, *choice),
            Step::Extend(deadline, partition, choice, days) => {
                self.extend(*deadline, *partition, *choice, *days);
            }
            Step::Compact(deadline, choice) => self.compact(*deadline, *choice),
            Step::Settle(partitions, sectors) => self.settle(Limits {
                partitions: *partitions,
                sectors: *sectors,
            }),
        }
    }

    fn add(&mut self, index: usize, lives: &[(u8, u8)]) {
        let mut infos = Vec::new();
        for (days, tenths) in lives {
            let life = ChainEpoch::from(*days) * DAY + 17;
            infos.push(SectorOnChainInfo {
                activation: self.today,
                power_base_epoch: self.today,
                verified_deal_weight: weight((*tenths).into(), life),
                ..testing::sector_until(self.next_number, self.today + life, 0)
            });
            self.next_number += 1;
        }
        let numbers = bits_of(infos.iter().map(|info| info.sector_number)).unwrap();
        self.state
            .allocate_sector_numbers(&self.store, &numbers, Collisions::Refuse)
            .unwrap();
        let mut sectors = self.sectors();
        sectors.set_all(infos.clone()).unwrap();
        let root = sectors.flush().unwrap();
        self.state.sectors = root;
        let pledge: TokenAmount = infos.iter().map(|info| &info.initial_pledge).sum();
        self.state.add_initial_pledge(&pledge).unwrap();

        let mut deadline = self.deadline(index);
        deadline
            .add_sectors(
                self.frame(index),
                PARTITION_SIZE as u64,
                Placing::New,
                &infos,
            )
            .unwrap();
        self.save(index, &deadline);
        self.model.add(index, infos, Health::Unproven);
    }

    fn day(&mut self, proofs: &[(Choice, Choice); DEADLINES]) {
        for (index, (partitions, skips)) in proofs.iter().enumerate() {
            let posted = self.prove(index, *partitions, *skips);
            self.close(index, &posted);
        }
        self.today += DAY;
    }

    /// Proves partitions in the window of today.
    fn prove(&mut self, index: usize, chosen: Choice, skips: Choice) -> BTreeSet<usize> {
        let last = self.faults_end(index);
        let (skipped, _) = self.choose(index, skips, |_| true);
        let posted: BTreeSet<usize> = (0..self.model.partitions[index].len())
            .filter(|partition| is_chosen(chosen, *partition as u64))
            .collect();
        let posts: Vec<PoStPartition> = posted
            .iter()
            .map(|partition| PoStPartition {
                index: *partition as u64,
                skipped: skipped
                    .get(&(*partition as u64))
                    .cloned()
                    .unwrap_or_default(),
            })
            .collect();

        let before = self.model.active_power();
        let mut deadline = self.deadline(index);
        let result = deadline
            .record_proven(self.frame(index), &posts, &self.sectors(), last)
            .unwrap();
        if !posts.is_empty() && result.recovered_power.is_zero() {
            deadline
                .store_proofs(&self.store, result.partitions.clone(), vec![])
                .unwrap();
        }
        self.save(index, &deadline);
        for post in &posts {
            let skipped: Numbers = post.skipped.iter().collect();
            self.model.prove(index, post.index as usize, &skipped, last);
        }

        let proven: Numbers = posted
            .iter()
            .flat_map(|partition| &self.model.partitions[index][*partition])
            .copied()
            .collect();
        let ignored = |number: &SectorNumber| {
            let sector = &self.model.sectors[number];
            sector.is_faulty() || !sector.is_live()
        };
        assert_eq!(result.all, bits(&proven));
        assert_eq!(
            result.ignored,
            bits(&proven.iter().copied().filter(ignored).collect())
        );
        assert_eq!(result.power_delta, self.model.active_power() - &before);
        posted
    }

    /// Closes today's window.
    fn close(&mut self, index: usize, posted: &BTreeSet<usize>) {
        let window = self
            .state
            .next_window(&self.policy, index as u64, self.today);
        let before = self.model.active_power();
        let faulty = self.model.power(index, model::Sector::is_faulty);
        let live = self.model.power(index, model::Sector::is_live);
        let has_sectors = !live.is_zero();
        let advance = self
            .state
            .advance_deadline(&self.policy, &self.store, SIZE, window.last())
            .unwrap();
        let released = self
            .model
            .close(index, posted, window.last(), window.last() + FAULTS_LAST);

        assert_eq!(advance.previously_faulty, faulty);
        assert_eq!(advance.power_delta, self.model.active_power() - &before);
        assert_eq!(advance.pledge_delta, -released);
        if has_sectors {
            let live = self.model.power(index, model::Sector::is_live);
            assert_eq!(advance.live_power, live);
            assert_eq!(advance.daily_fee, self.model.fee(index));
        }
        assert_eq!(self.state.current_deadline, index as u64 + 1);
    }

    fn fault(&mut self, index: usize, choice: Choice) {
        let last = self.faults_end(index);
        let (declared, numbers) = self.choose(index, choice, |_| true);
        let before = self.model.active_power();
        let mut deadline = self.deadline(index);
        let power_delta = deadline
            .declare_faults(self.frame(index), &declared, &self.sectors(), last)
            .unwrap();
        self.save(index, &deadline);
        self.model.fault(&numbers, last);
        assert_eq!(power_delta, self.model.active_power() - &before);
    }

    fn recover(&mut self, index: usize, choice: Choice) {
        let (declared, numbers) = self.choose(index, choice, |_| true);
        let mut deadline = self.deadline(index);
        deadline
            .declare_recovered(self.frame(index), &declared, &self.sectors())
            .unwrap();
        self.save(index, &deadline);
        self.model.declare_recovered(&numbers);
    }

    fn terminate(&mut self, index: usize, choice: Choice) {
        let (chosen, numbers) = self.choose(index, choice, model::Sector::is_live);
        let before = self.model.active_power();
        let mut deadline = self.deadline(index);
        let lost = deadline
            .terminate(self.frame(index), &chosen, &self.sectors(), self.today)
            .unwrap();
        self.save(index, &deadline);
        self.state.early_terminations |= bits_of([index as u64]).unwrap();
        self.model.terminate(&numbers, self.today);
        assert_eq!(lost, before - &self.model.active_power());
    }

    fn extend(&mut self, index: usize, partition: u8, choice: Choice, days: u8) {
        let partitions = self.model.partitions[index].len();
        if partitions == 0 {
            return;
        }
        let number = u64::from(partition) % partitions as u64;
        let active = |sector: &model::Sector| sector.health == Health::Active;
        let (chosen, _) = self.choose(index, choice, active);
        let chosen = chosen.get(&number).cloned().unwrap_or_default();
        let old = self.sectors().load_all(&chosen).unwrap();
        let new: Vec<SectorOnChainInfo> = old
            .iter()
            .map(|info| SectorOnChainInfo {
                expiration: info.expiration + ChainEpoch::from(days) * DAY,
                initial_pledge: &info.initial_pledge + TokenAmount::from_atto(days),
                ..info.clone()
            })
            .collect();

        let mut sectors = self.sectors();
        sectors.set_all(new.clone()).unwrap();
        let root = sectors.flush().unwrap();
        self.state.sectors = root;
        let mut deadline = self.deadline(index);
        let mut partitions = amt::open(&deadline.partitions, &self.store).unwrap();
        let mut partition = deadline.load_partition(&self.store, number).unwrap();
        let replaced = partition
            .replace_sectors(self.frame(index), &old, &new)
            .unwrap();
        partitions.set(number, partition).unwrap();
        deadline.partitions = amt::flush(&mut partitions).unwrap();
        deadline.live_power += &replaced.power;
        deadline.daily_fee += &replaced.fee;
        for info in &new {
            deadline
                .mark_expirations(self.frame(index), info.expiration, &[number])
                .unwrap();
        }
        self.save(index, &deadline);
        self.state.add_initial_pledge(&replaced.pledge).unwrap();

        let before = self.model.active_power();
        self.model.replace(index, &new);
        assert_eq!(replaced.power, self.model.active_power() - &before);
    }

    fn compact(&mut self, index: usize, choice: Choice) {
        let chosen: BTreeSet<usize> = (0..self.model.partitions[index].len() + 1)
            .filter(|partition| is_chosen(choice, *partition as u64))
            .collect();
        let indices = bits(&chosen.iter().map(|partition| *partition as u64).collect());
        let mut deadline = self.deadline(index);
        let compacted = deadline.compact(
            self.frame(index),
            PARTITION_SIZE as u64,
            &indices,
            &self.sectors(),
        );
        if !self.model.is_compactable(index, &chosen) {
            assert_eq!(compacted.unwrap_err().exit_code().value(), 16);
            return;
        }
        let dead = compacted.unwrap();
        let mut sectors = self.sectors();
        sectors.delete_all(&dead).unwrap();
        let root = sectors.flush().unwrap();
        self.state.sectors = root;
        self.save(index, &deadline);
        assert_eq!(dead, bits(&self.model.compact(index, &chosen)));
    }

    fn settle(&mut self, limits: Limits) {
        self.policy.addressed_partitions_max = limits.partitions;
        self.policy.addressed_sectors_max = limits.sectors;
        let before = self.model.pledge();
        let (result, more) = self
            .state
            .pop_early_terminations(&self.policy, &self.store)
            .unwrap();
        let (taken, partitions) = self.model.settle(limits);
        let found: Vec<(ChainEpoch, Numbers)> = result
            .sectors
            .iter()
            .map(|(epoch, sectors)| (*epoch, sectors.iter().collect()))
            .collect();
        assert_eq!(found, taken.into_iter().collect::<Vec<_>>());
        assert_eq!(result.partitions_processed, partitions);
        let left = (0..DEADLINES).any(|index| self.model.has_to_settle(index));
        // A deadline of which nothing was ended may be left, too.
        assert!(more || !left);
        self.state
            .add_initial_pledge(&(self.model.pledge() - before))
            .unwrap();
    }

    /// The state is as the model says, and consistent.
    fn compare(&self) {
        let balance = self.state.initial_pledge.clone();
        let (_, violations) = invariants::check(&self.state, &self.store, &self.policy, &balance);
        assert_eq!(violations, [""; 0]);
        assert_eq!(self.state.initial_pledge, self.model.pledge());
        for index in 0..DEADLINES {
            let deadline = self.deadline(index);
            let partitions = self.partitions(&deadline);
            let expected = &self.model.partitions[index];
            assert_eq!(partitions.len(), expected.len());
            for (partition, numbers) in partitions.iter().zip(expected) {
                self.compare_partition(index, partition, numbers);
            }
        }
    }

    fn compare_partition(&self, index: usize, partition: &Partition, numbers: &Numbers) {
        let are = |test: fn(Health) -> bool| {
            let chosen = numbers
                .iter()
                .filter(|number| test(self.model.sectors[number].health));
            bits(&chosen.copied().collect())
        };
        assert_eq!(partition.sectors, bits(numbers));
        assert_eq!(partition.unproven, are(|h| h == Health::Unproven));
        assert_eq!(
            partition.faults,
            are(|h| matches!(h, Health::Faulty { .. }))
        );
        assert_eq!(
            partition.recoveries,
            are(|h| h == Health::Faulty { recovering: true })
        );
        assert_eq!(
            partition.terminated,
            are(|h| matches!(h, Health::Terminated { .. }))
        );
        let root = &partition.expirations_epochs;
        let queue = ExpirationQueue::load(&self.store, root, self.frame(index).quant).unwrap();
        let mut ends = Vec::new();
        queue
            .for_each(|epoch, entry| {
                let sets = [&entry.on_time_sectors, &entry.early_sectors];
                ends.push((epoch, sets.map(|set| set.iter().collect::<Numbers>())));
                Ok(())
            })
            .unwrap();
        let expected: Vec<_> = self.model.ends(index, numbers).into_iter().collect();
        assert_eq!(ends, expected);
    }
}

fn is_chosen(choice: Choice, number: u64) -> bool {
    choice >> (number % u64::from(Choice::BITS)) & 1 == 1
}

fn bits(numbers: &Numbers) -> BitField {
    bits_of(numbers.iter().copied()).unwrap()
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deadline = 0..DEADLINES;
    let few = any::<(Choice, Choice)>().prop_map(|(a, b)| a & b);
    let most = any::<(Choice, Choice)>().prop_map(|(a, b)| a | b);
    let lives = prop::collection::vec((1u8..70, 0u8..11), 1..8);
    let proof = (most, few.clone());
    let step = prop_oneof![
        4 => (deadline.clone(), lives).prop_map(|(d, lives)| Step::Add(d, lives)),
        6 => [proof.clone(), proof].prop_map(Step::Day),
        2 => (1u8..50).prop_map(Step::Days),
        3 => (deadline.clone(), few.clone()).prop_map(|(d, c)| Step::Fault(d, c)),
        3 => (deadline.clone(), any::<Choice>()).prop_map(|(d, c)| Step::Recover(d, c)),
        2 => (deadline.clone(), few.clone()).prop_map(|(d, c)| Step::Terminate(d, c)),
        2 => (deadline.clone(), any::<u8>(), any::<Choice>(), 0u8..60)
            .prop_map(|(d, p, c, days)| Step::Extend(d, p, c, days)),
        2 => (deadline, few).prop_map(|(d, c)| Step::Compact(d, c)),
        3 => (1u64..4, 1u64..8).prop_map(|(p, s)| Step::Settle(p, s)),
        1 => Just(Step::Settle(3_000, 25_000)),
    ];
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every operation gives what the model says, leaves what the model says, and keeps
    /// every invariant.
    #[test]
    fn sectors_live_as_the_model_says(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.play(step);
            world.compare();
        }
    }
}
