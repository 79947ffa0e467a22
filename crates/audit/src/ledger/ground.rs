//! Recording and signing a ground.

use aws_lc_rs::rand;

use super::Ledger;
use super::append::{AppendError, Entry};
use crate::ground::{self, Ground, GroundError, ID_BYTES, Issued};

impl Ledger {
    /// Records a ground, and signs it once its record would survive a power cut and stands under a
    /// signed checkpoint. Of `entry` are taken the time, the method, the revision, and in the
    /// sealed part the official and the token; all else comes from `ground`. As with a question,
    /// whoever calls this holds the log by a [`Shard`](crate::Shard) meanwhile, so that the quarter
    /// does not turn in between.
    ///
    /// # Errors
    /// [`GroundError`]; then there is no ground, though there may be a record.
    pub async fn ground(&self, entry: Entry, ground: &Ground) -> Result<Issued, GroundError> {
        let mut id = [0; ID_BYTES];
        rand::fill(&mut id).map_err(|_| GroundError::Random)?;
        let entry = ground::entry(entry, ground, &id)?;
        // Asserted here as well as kept by whoever turns the quarter.
        if self.has_successor() {
            return Err(AppendError::Ended.into());
        }
        let record = entry.record.clone();
        let proof = self.0.append(entry).await?;
        // R98: durable first, and what is signed is what that record says.
        ground::issue(ground, id, self.origin(), &record, proof, &self.0.key)
    }
}
