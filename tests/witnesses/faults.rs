//! A witness on a disk that fails at each of its operations, in each way, and what a kill or a
//! power cut then leaves: whatever that is, a second history is not signed.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use motlan_audit::WitnessSignerKey;
use motlan_audit::witness::{Settings, Witness};
use motlan_testkit::FragileDisk;
use motlan_testkit::disk::Trouble;
use tempfile::TempDir;

use super::histories::Histories;
use super::laid::copy_folder;

const FORK: u64 = 3;
const SIZE: u64 = 8;
/// What a disk that is not trusted could do besides.
const UNTRUE: Trouble = Trouble::Lies;

struct Trial {
    histories: Histories,
    /// A witness that has cosigned the log up to the fork, and its key.
    before: TempDir,
}

impl Trial {
    async fn lay() -> Result<Self> {
        let trial = Self {
            histories: Histories::lay(FORK, SIZE).await?,
            before: TempDir::with_prefix("motlan-witness-")?,
        };
        WitnessSignerKey::generate("w.example/1")?.write(&trial.before.path().join("key"))?;
        let settings = trial.settings(trial.before.path())?;
        Witness::create(&settings)?;
        let witness = Witness::open(settings)?;
        trial.sign(&witness, 0, 0, FORK)?;
        Ok(trial)
    }

    fn settings(&self, dir: &Path) -> Result<Settings> {
        let key = WitnessSignerKey::read(&self.before.path().join("key"))?;
        let mut settings = Settings::new(dir.join("state"), key);
        settings.logs = vec![self.histories.key.clone()];
        Ok(settings)
    }

    fn sign(&self, witness: &Witness, which: usize, old: u64, size: u64) -> Result<()> {
        let request = self.histories.request(which, old, size)?;
        witness.add_checkpoint(&request, 1)?;
        Ok(())
    }

    /// Goes on with the first history while operation `nth` goes wrong, and looks after each step
    /// at all that may be left: how often what was signed is forgotten, or the second history is
    /// signed too. None where there are not so many operations.
    fn run(&self, nth: usize, trouble: Trouble) -> Result<Option<usize>> {
        let dir = TempDir::with_prefix("motlan-witness-")?;
        copy_folder(self.before.path(), dir.path())?;
        let disk = FragileDisk::under(dir.path())?;
        disk.plan(nth, trouble);
        let mut settings = self.settings(dir.path())?;
        settings.disk = Arc::new(disk.clone());
        let mut wrong = 0;
        match Witness::open(settings) {
            Err(_) => wrong += self.wrong(&disk, FORK, trouble)?,
            Ok(witness) => {
                let mut signed = FORK;
                for (old, size) in [(FORK, FORK + 1), (FORK + 1, SIZE)] {
                    if self.sign(&witness, 0, old, size).is_ok() {
                        signed = size;
                    }
                    wrong += self.wrong(&disk, signed, trouble)?;
                }
            }
        }
        let operation = disk.operations().get(nth).cloned();
        Ok(operation.map(|operation| {
            if trouble.can_befall(&operation) {
                wrong
            } else {
                0
            }
        }))
    }

    /// In how many of the states that a kill or a power cut can leave it is wrong.
    fn wrong(&self, disk: &FragileDisk, signed: u64, trouble: Trouble) -> Result<usize> {
        let mut wrong = 0;
        for fate in disk.fates() {
            let left = TempDir::with_prefix("motlan-witness-")?;
            disk.lay(&fate, left.path())?;
            let witness = match Witness::open(self.settings(left.path())?) {
                // What such a disk left is refused, which is all that one can ask for.
                Err(_) if trouble == UNTRUE => continue,
                witness => witness.with_context(|| format!("{trouble}, then {fate}"))?,
            };
            let known = self.known(&witness)?;
            let second = signed > FORK && self.sign(&witness, 1, known, SIZE).is_ok();
            wrong += usize::from(second || known < signed);
        }
        Ok(wrong)
    }

    /// How far a witness is, which it says to a request that goes on from somewhere else.
    fn known(&self, witness: &Witness) -> Result<u64> {
        let request = self.histories.request(0, 0, FORK)?;
        let refusal = witness.add_checkpoint(&request, 1).err();
        refusal
            .and_then(|refusal| refusal.size())
            .context("no size")
    }

    /// How often it is wrong, over all operations.
    fn sweep(&self, trouble: Trouble) -> Result<usize> {
        let mut wrong = 0;
        for nth in 0.. {
            match self.run(nth, trouble)? {
                Some(more) => wrong += more,
                None => {
                    ensure!(nth > 14, "{nth} operations are not all");
                    break;
                }
            }
        }
        Ok(wrong)
    }
}

// R70: what was signed would survive a power cut.
#[tokio::test]
async fn no_fault_of_the_disk_makes_a_witness_sign_two_histories() -> Result<()> {
    let trial = Trial::lay().await?;
    for trouble in Trouble::HONEST.into_iter().chain([Trouble::Full]) {
        ensure!(
            trial.sweep(trouble)? == 0,
            "{trouble}: what was signed is forgotten"
        );
    }
    // Only of a disk that says what is not so; which shows that the sweep can find it.
    ensure!(trial.sweep(UNTRUE)? > 0, "a lying disk was not noticed");
    Ok(())
}
