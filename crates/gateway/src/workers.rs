//! The threads that serve callers, each with a runtime of its own. A connection stays on the thread
//! that it was given to, with its lookups and, where there are enough, the owners' connections that
//! they use: so a lookup changes threads for the ledger only.
//!
//! Limits: as many threads as the process may use processors; each has at most [`BLOCKING_MAX`]
//! beside it, for what blocks, such as a receipt. One connection is served by one of them.

use std::cell::Cell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::watch;

/// What blocks beside one of the threads; more of it waits.
const BLOCKING_MAX: usize = 64;

thread_local! {
    static HERE: Cell<Option<Here>> = const { Cell::new(None) };
}

/// One of the threads, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Here {
    number: usize,
    of: usize,
}

impl Here {
    /// The thread that this is called on; nothing where that is another one.
    pub(crate) fn now() -> Option<Self> {
        HERE.get()
    }

    /// Where the thing of this number stands among those of a thread, of which there are `count` in
    /// all: its place from 0 on, and whether it is another thread's. Each thread has its share, and
    /// none is shared unless there are fewer than threads.
    pub(crate) fn place(here: Option<Self>, number: usize, count: usize) -> (bool, usize) {
        let Some(Self { number: thread, of }) = here else {
            return (false, number);
        };
        let shares = of.min(count).max(1);
        (number % shares != thread % shares, number / shares)
    }
}

/// The threads. Cheap to clone; they end with the last clone, and what still runs on them with
/// them.
#[derive(Clone)]
pub(crate) struct Workers(Arc<[Worker]>);

struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    /// The thread ends when this is gone.
    _stay: watch::Sender<()>,
}

/// A connection's place on a thread; gives it back when dropped.
pub(crate) struct Seat {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
}

impl Seat {
    /// Where to spawn it.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts a thread for each processor that there is for this process.
    ///
    /// # Errors
    /// Where a thread or a runtime cannot be made.
    pub(crate) fn start() -> io::Result<Self> {
        let of = thread::available_parallelism().map_or(1, Into::into);
        let workers: io::Result<Vec<_>> =
            (0..of).map(|number| start(Here { number, of })).collect();
        Ok(Self(workers?.into()))
    }

    /// A place on the thread with the fewest connections.
    pub(crate) fn seat(&self) -> Option<Seat> {
        let load = |worker: &&Worker| worker.connections.load(Ordering::Relaxed);
        let worker = self.0.iter().min_by_key(load)?;
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat {
            runtime: worker.runtime.clone(),
            connections: Arc::clone(&worker.connections),
        })
    }
}

fn start(here: Here) -> io::Result<Worker> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_MAX)
        .build()?;
    let handle = runtime.handle().clone();
    let (stay, mut gone) = watch::channel(());
    let work = move || {
        HERE.set(Some(here));
        // An error says that the sender is gone, which is what is waited for.
        let _gone = runtime.block_on(gone.changed());
        runtime.shutdown_background();
    };
    let name = format!("motlan-worker-{}", here.number);
    thread::Builder::new().name(name).spawn(work)?;
    Ok(Worker {
        runtime: handle,
        connections: Arc::default(),
        _stay: stay,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_thread_has_its_share_and_nothing_is_left_to_nobody() {
        for of in 1..9 {
            for count in 1..9 {
                let owners = |thing: usize| {
                    let all = (0..of).map(move |number| Some(Here { number, of }));
                    all.filter(move |here| !Here::place(*here, thing, count).0)
                        .count()
                };
                for thing in 0..count {
                    let expected = if count >= of {
                        1..=1
                    } else {
                        1..=of.div_ceil(count)
                    };
                    assert!(
                        expected.contains(&owners(thing)),
                        "{thing} of {count}, {of}"
                    );
                }
                for number in 0..of {
                    let here = Some(Here { number, of });
                    let places = (0..count).map(|thing| Here::place(here, thing, count));
                    let own: Vec<usize> = places.filter(|it| !it.0).map(|it| it.1).collect();
                    assert!(!own.is_empty());
                    assert_eq!(own, (0..own.len()).collect::<Vec<_>>());
                }
            }
        }
    }

    #[tokio::test]
    async fn connections_are_spread_and_stay_where_they_are() {
        let workers = Workers::start().unwrap();
        let of = workers.0.len();
        let seats: Vec<Seat> = (0..2 * of).map(|_| workers.seat().unwrap()).collect();
        let loads = workers
            .0
            .iter()
            .map(|it| it.connections.load(Ordering::Relaxed));
        assert_eq!(loads.collect::<Vec<_>>(), vec![2; of]);
        let mut seen = Vec::new();
        for seat in &seats {
            let here = seat.runtime().spawn(async { Here::now() }).await.unwrap();
            seen.push(here.unwrap().number);
        }
        seen.sort_unstable();
        assert_eq!(
            seen,
            (0..of).flat_map(|number| [number; 2]).collect::<Vec<_>>()
        );
        drop(seats);
        assert!(
            workers
                .0
                .iter()
                .all(|it| it.connections.load(Ordering::Relaxed) == 0)
        );
        assert_eq!(Here::now(), None);
    }
}
