//! Work on many things, on all processors.

use std::num::NonZeroUsize;
use std::panic::resume_unwind;
use std::thread;

/// At most so many threads share the work.
pub const THREADS_MAX: usize = 16;

/// Has `work` done on `items`, parted among as many threads as there are processors, up to
/// [`THREADS_MAX`]; what came of each part, in the order of the items.
pub fn spread<T: Sync, R: Send>(items: &[T], work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let length = items.len().div_ceil(processors.min(THREADS_MAX)).max(1);
    let mut parts = items.chunks(length);
    // The first part is done here.
    let Some(first) = parts.next() else {
        return Vec::new();
    };
    thread::scope(|scope| {
        let work = &work;
        let begun = parts.map(|part| {
            let begun = thread::Builder::new().spawn_scoped(scope, move || work(part));
            // Where the system gives no thread, it is done here.
            begun.map_err(|_no_thread| part)
        });
        let others: Vec<_> = begun.collect();
        let mut done = vec![work(first)];
        for other in others {
            done.push(match other {
                Ok(other) => other
                    .join()
                    .unwrap_or_else(|panicked| resume_unwind(panicked)),
                Err(part) => work(part),
            });
        }
        done
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_in_its_place() {
        for count in [0, 1, 2, 3, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            let done = spread(&items, <[usize]>::to_vec);
            assert!(done.len() <= THREADS_MAX);
            assert_eq!(done.concat(), items);
        }
    }
}
