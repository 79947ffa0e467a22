//! Work that goes on where nobody waits for it any more.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;

/// The work panicked.
#[derive(Debug)]
pub(super) struct Panicked;

/// A future that is polled by whoever waits for it, and goes on in a task of its own where they
/// stop. While somebody waits it costs no task and no way between two.
pub(super) struct Outliving<F: Future<Output: Send> + Send + 'static>(Option<Pin<Box<F>>>);

impl<F: Future<Output: Send> + Send + 'static> Outliving<F> {
    /// Begins nothing before it is polled.
    pub(super) fn new(work: F) -> Self {
        Self(Some(Box::pin(work)))
    }
}

impl<F: Future<Output: Send> + Send + 'static> Future for Outliving<F> {
    type Output = Result<F::Output, Panicked>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Taken out: what panicked is dropped here, and goes on nowhere.
        let Some(mut work) = self.0.take() else {
            return Poll::Ready(Err(Panicked));
        };
        // Unwind safe: nobody sees what it left half done. What is over is dropped within as well.
        let polled = catch_unwind(AssertUnwindSafe(move || {
            let polled = work.as_mut().poll(context);
            let rest = polled.is_pending().then_some(work);
            (polled, rest)
        }));
        match polled {
            Ok((polled, rest)) => {
                self.0 = rest;
                polled.map(Ok)
            }
            Err(_panic) => Poll::Ready(Err(Panicked)),
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for Outliving<F> {
    fn drop(&mut self) {
        // R34: a caller that hangs up does not stop the record. Without a runtime the process ends.
        if let Some((work, runtime)) = self.0.take().zip(Handle::try_current().ok()) {
            runtime.spawn(work);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn what_is_dropped_half_done_goes_on_to_its_end() {
        // R34.
        let (begin, begun) = oneshot::channel();
        let (finish, finished) = oneshot::channel();
        let mut work = Outliving::new(async move {
            begun.await.unwrap();
            finish.send(()).unwrap();
        });
        std::future::poll_fn(|context| {
            assert!(Pin::new(&mut work).poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        drop(work);
        begin.send(()).unwrap();
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn what_is_dropped_before_it_began_is_done_as_well() {
        // R34.
        let (finish, finished) = oneshot::channel();
        drop(Outliving::new(async move { finish.send(()) }));
        finished.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_is_told_and_is_nobody_elses() {
        let work = Outliving::new(async { panic!("as if a stage were broken") });
        let told: Result<(), Panicked> = work.await;
        assert!(told.is_err());
    }
}
