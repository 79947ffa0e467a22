//! The queue between the callers and the committer: bounded, back-pressure by waiting, one wake of
//! the committer for all that arrives while it sleeps.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::{Semaphore, oneshot};

use super::append::{AppendError, Durable};
use crate::frame;
use crate::tree::Hash;

/// An entry on its way: encoded and hashed in the caller's task.
pub(super) struct Pending {
    /// The record as it stands in a frame's body.
    pub(super) part: Vec<u8>,
    pub(super) leaf_hash: Hash,
    /// The record that it says it answers.
    pub(super) question: Option<u64>,
    pub(super) waiter: oneshot::Sender<Result<Durable, AppendError>>,
}

/// What the committer is woken for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Woken {
    /// There is something to commit.
    Pending,
    /// Nothing came before the deadline.
    Deadline,
    /// The queue is closed, and empty.
    Closed,
}

pub(super) struct Queue {
    state: Mutex<State>,
    arrived: Condvar,
    places: usize,
    /// One permit for each place that is free.
    room: Semaphore,
    /// The longest body that a frame may have in this ledger.
    body_bytes_max: usize,
}

#[derive(Default)]
struct State {
    pending: VecDeque<Pending>,
    closed: bool,
    asleep: bool,
}

impl Queue {
    /// A queue of `places` for frames whose body may have `body_bytes_max` bytes.
    pub(super) fn new(places: usize, body_bytes_max: usize) -> Queue {
        let (state, arrived) = (Mutex::default(), Condvar::new());
        let places = places.clamp(1, Semaphore::MAX_PERMITS);
        let room = Semaphore::new(places);
        Queue {
            state,
            arrived,
            places,
            room,
            body_bytes_max,
        }
    }

    /// The longest part that fits into a frame.
    pub(super) fn part_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    /// How many are in it, without waiting for anybody.
    pub(super) fn len(&self) -> usize {
        self.places.saturating_sub(self.room.available_permits())
    }

    /// Waits for room and puts `pending` at the end. Gives it back when the queue is closed.
    pub(super) async fn push(&self, pending: Pending) -> Result<(), Pending> {
        let Ok(permit) = self.room.acquire().await else {
            return Err(pending);
        };
        permit.forget();
        let mut state = self.lock();
        if state.closed {
            return Err(pending);
        }
        state.pending.push_back(pending);
        let wake = std::mem::take(&mut state.asleep);
        drop(state);
        if wake {
            self.arrived.notify_one();
        }
        Ok(())
    }

    /// Blocks until there is something, the deadline has passed or the queue is closed; moves as
    /// many to
    /// `batch` as one frame may hold.
    pub(super) fn drain(&self, batch: &mut Vec<Pending>, deadline: Option<Instant>) -> Woken {
        let mut state = self.lock();
        while state.pending.is_empty() {
            if state.closed {
                return Woken::Closed;
            }
            state.asleep = true;
            state = match deadline {
                None => self
                    .arrived
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(deadline) => {
                    let wait = deadline.saturating_duration_since(Instant::now());
                    if wait.is_zero() {
                        state.asleep = false;
                        return Woken::Deadline;
                    }
                    let waited = self.arrived.wait_timeout(state, wait);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.asleep = false;
        let mut bytes = 0;
        let fits = |pending: &&Pending| {
            bytes += pending.part.len();
            bytes <= self.body_bytes_max
        };
        let count = state
            .pending
            .iter()
            .take(frame::RECORDS_MAX)
            .take_while(fits)
            .count();
        batch.extend(state.pending.drain(..count));
        drop(state);
        self.room.add_permits(count);
        Woken::Pending
    }

    /// Takes nothing more; what is in the queue stays until it is drained.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.room.close();
        self.arrived.notify_one();
    }

    /// Takes nothing more, and gives back all that waits.
    pub(super) fn abandon(&self) -> VecDeque<Pending> {
        self.close();
        std::mem::take(&mut self.lock().pending)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn pending(bytes: usize) -> Pending {
        let (waiter, _) = oneshot::channel();
        Pending {
            part: vec![0; bytes],
            leaf_hash: [0; 32],
            question: None,
            waiter,
        }
    }

    fn push_now(queue: &Queue, bytes: usize) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(queue.push(pending(bytes)))
            .poll(&mut context)
            .is_ready()
    }

    #[test]
    fn a_full_queue_makes_callers_wait_until_the_committer_drains_it() {
        let queue = Queue::new(4, 1000);
        assert!((0..4).all(|_| push_now(&queue, 10)));
        assert_eq!(queue.len(), 4);
        let mut context = Context::from_waker(Waker::noop());
        let mut fifth = pin!(queue.push(pending(10)));
        assert!(fifth.as_mut().poll(&mut context).is_pending());
        let mut batch = Vec::new();
        assert_eq!(queue.drain(&mut batch, None), Woken::Pending);
        // Whoever waits for room has a place from now on.
        assert_eq!((batch.len(), queue.len()), (4, 1));
        assert!(matches!(
            fifth.as_mut().poll(&mut context),
            Poll::Ready(Ok(()))
        ));
        assert_eq!(queue.drain(&mut batch, None), Woken::Pending);
        assert_eq!(batch.len(), 5);
    }

    #[test]
    fn a_batch_is_what_fits_into_one_frame() {
        let queue = Queue::new(5000, 100);
        assert!([60, 40, 1].into_iter().all(|bytes| push_now(&queue, bytes)));
        let mut batch = Vec::new();
        queue.drain(&mut batch, None);
        assert_eq!(batch.len(), 2);
        let queue = Queue::new(5000, usize::MAX);
        assert!((0..5000).all(|_| push_now(&queue, 1)));
        batch.clear();
        queue.drain(&mut batch, None);
        assert_eq!(batch.len(), frame::RECORDS_MAX);
    }

    #[test]
    fn a_closed_queue_is_emptied_and_takes_nothing() {
        let queue = Queue::new(4, 100);
        assert!(push_now(&queue, 1));
        queue.close();
        let mut context = Context::from_waker(Waker::noop());
        let refused = pin!(queue.push(pending(1))).poll(&mut context);
        assert!(matches!(refused, Poll::Ready(Err(_))));
        let mut batch = Vec::new();
        assert_eq!(queue.drain(&mut batch, None), Woken::Pending);
        assert_eq!(queue.drain(&mut batch, None), Woken::Closed);
        assert_eq!(queue.drain(&mut batch, Some(Instant::now())), Woken::Closed);
    }

    #[test]
    fn a_deadline_that_has_passed_wakes_the_committer() {
        let queue = Queue::new(4, 100);
        assert_eq!(
            queue.drain(&mut Vec::new(), Some(Instant::now())),
            Woken::Deadline
        );
    }
}
