//! `Collect` of `motlan.once.v1.OnceOnly`: the components of a dossier, each on its own way.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use motlan_api::audit::v1::GroundOutcome;
use motlan_api::once::v1 as wire;
use motlan_api::once::v1::collect_response::Result as Told;
use motlan_audit::{AppendError, Durable, Ground, GroundError, Ledger, RecordId};
use motlan_exchange::{Release, Unrecorded};
use motlan_once::Piece;
use opentelemetry::KeyValue;
use opentelemetry::metrics::Counter;
use tokio::sync::mpsc;
use tonic::codegen::tokio_stream::Stream;
use tonic::{Code, Status};

use super::attempt::{Desk, Found};
use super::dossier::{Dossier, Part};
use super::sentence::{Words, corrects};
use crate::lookup::{Lookups, Unanswered, WireError, receipt};
use crate::places::Place;
use crate::state::{CorrectError, Ticket, Upkeep};
use crate::telemetry::Metrics;

/// What collecting needs.
pub(super) struct Collector {
    pub(super) lookups: Arc<Lookups>,
    pub(super) upkeep: Upkeep,
    pub(super) metrics: Metrics,
    /// By what holds a component, and what came of it.
    pub(super) components: Counter<u64>,
}

/// What became of one component, and the place that its data takes until the caller has it.
type Item = (Result<wire::CollectResponse, Status>, Option<Place>);

/// Components in the order in which they end. The collection has its place until the last one has
/// ended, and this is dropped.
pub(crate) struct Components {
    hearing: mpsc::Receiver<Item>,
    _place: Arc<Place>,
}

impl Stream for Components {
    type Item = Result<wire::CollectResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.hearing.poll_recv(context);
        next.map(|item| item.map(|(told, _place)| told))
    }
}

impl Components {
    /// What `work` tells, which goes on where nobody hears it. It tells at most `room` components.
    fn of<Work>(room: usize, place: Place, work: impl FnOnce(mpsc::Sender<Item>) -> Work) -> Self
    where
        Work: Future<Output = ()> + Send + 'static,
    {
        // Nobody waits for room: what the caller does not take holds up no record.
        let (told, hearing) = mpsc::channel(room.max(1));
        let place = Arc::new(place);
        let (work, working) = (work(told), Arc::clone(&place));
        // R34: a task of its own. A caller that hangs up does not stop a record.
        tokio::spawn(async move {
            work.await;
            drop(working);
        });
        Self {
            hearing,
            _place: place,
        }
    }
}

impl Collector {
    /// Collects all `parts` at once.
    pub(super) fn collect(
        self: &Arc<Self>,
        dossier: Dossier,
        parts: Vec<Part>,
        place: Place,
    ) -> Components {
        let (this, dossier) = (Arc::clone(self), Arc::new(dossier));
        Components::of(parts.len(), place, |told| async move {
            let parts = parts.into_iter().map(|part| {
                let (this, dossier, told) = (Arc::clone(&this), Arc::clone(&dossier), told.clone());
                let (index, document) = (part.index, part.document());
                let task = tokio::spawn(async move {
                    let item = this.component(&dossier, &part).await;
                    // Whoever hung up hears nothing.
                    let _hung_up = told.send(item).await;
                });
                (index, document, task)
            });
            let under_way: Vec<_> = parts.collect();
            for (component, document, task) in under_way {
                if task.await.is_err() {
                    tracing::error!("a component panicked; it may be on record");
                    let refusal = refusal(&WireError::lost(), None);
                    let response = wire::CollectResponse {
                        component,
                        document,
                        result: Some(refusal),
                    };
                    let _hung_up = told.send((Ok(response), None)).await;
                }
            }
        })
    }

    async fn component(&self, dossier: &Dossier, part: &Part) -> Item {
        let (told, place) = match self.told(dossier, part).await {
            Ok(told) => told,
            // R33, R102: nobody hears of a component that is not on record.
            Err(Unanswered::Unrecorded | Unanswered::Lost) => {
                self.count(part, "LEDGER_UNAVAILABLE");
                return (Err(WireError::unrecorded().status()), None);
            }
        };
        self.count(part, outcome_of(&told));
        let response = wire::CollectResponse {
            component: part.index,
            document: part.document(),
            result: Some(told),
        };
        (Ok(response), place)
    }

    async fn told(
        &self,
        dossier: &Dossier,
        part: &Part,
    ) -> Result<(Told, Option<Place>), Unanswered> {
        let Piece::Held(held) = &part.piece else {
            let outcome = GroundOutcome::NotPublished;
            let told = self.ground(dossier, part, outcome, Vec::new(), None).await;
            return Ok((told?, None));
        };
        let desk = Desk {
            lookups: &self.lookups,
            upkeep: &self.upkeep,
            dossier,
        };
        let (found, place) = desk.fetch(part, held).await?;
        let told = match found {
            Found::Data {
                release,
                record,
                index,
                ledger,
            } => {
                let message = held.method.response.full_name();
                let record = (record, index, ledger);
                self.evidence(dossier, part, message, release, record)
                    .await?
            }
            Found::Lacking {
                outcome,
                fields,
                lookup,
            } => {
                let lookup = Some(lookup);
                self.ground(dossier, part, outcome, fields, lookup).await?
            }
            Found::Refused { error, record } => refusal(&error, record.as_ref()),
        };
        Ok((told, place))
    }

    /// Data, once the component is on record.
    async fn evidence(
        &self,
        dossier: &Dossier,
        part: &Part,
        message: &str,
        release: Release,
        (record, index, ledger): (RecordId, u64, Ledger),
    ) -> Result<Told, Unanswered> {
        // R102: durable before the caller hears of it.
        let shard = self.lookups.shards().current().await;
        let entry = dossier.evidence(part, &record);
        let appended = shard.ledger().append(entry).await;
        let proof = appended.map_err(|error| self.unrecorded(error))?;
        drop(shard);
        let mut evidence = given(release, message, &proof);
        evidence.record = record.to_string();
        evidence.receipt = receipt(ledger, index).await;
        Ok(Told::Evidence(evidence))
    }

    /// A ground, once it is on record, and its correction before that.
    async fn ground(
        &self,
        dossier: &Dossier,
        part: &Part,
        outcome: GroundOutcome,
        fields: Vec<String>,
        lookup: Option<RecordId>,
    ) -> Result<Told, Unanswered> {
        let mut correction = 0;
        if let Some(record) = lookup.as_ref().filter(|_| corrects(outcome)) {
            // R103: the owner is asked before the applicant is.
            match self.correct(part, outcome, &fields, record).await {
                Ok(number) => correction = number,
                Err(error) => {
                    tracing::error!(%error, "no correction could be kept, so no ground is given");
                    return Ok(refusal(&WireError::from(&error), Some(record)));
                }
            }
        }
        let ground = Ground {
            caller: dossier.peer.system.id.to_string(),
            procedure: dossier.procedure.to_string(),
            variant: dossier.variant.clone(),
            dossier: dossier.code.clone(),
            subject: part.piece.subject().to_owned(),
            document: part.document(),
            dataset: part.dataset(),
            database: part.database(),
            outcome,
            fields,
            clauses: part.piece.clauses().to_vec(),
            channel: dossier.channel,
            received_us: dossier.received_us,
            due_us: dossier.due_us,
            lookup,
        };
        // R102: durable before the caller hears of it.
        let shard = self.lookups.shards().current().await;
        let ledger = shard.ledger().clone();
        let mut entry = dossier.entry();
        if outcome == GroundOutcome::Mismatch {
            // R100: whoever looks into it later sees what the data was said to differ from.
            entry.sealed.query = part.declared.clone().unwrap_or_default();
        }
        let issued = ledger.ground(entry, &ground).await;
        drop(shard);
        let issued = match issued {
            Ok(issued) => issued,
            Err(GroundError::Append(error)) => return Err(self.unrecorded(error)),
            Err(error) => {
                tracing::error!(%error, "a ground could not be signed");
                return Ok(refusal(&unsigned(), ground.lookup.as_ref()));
            }
        };
        let words = Words::of(part.piece.kind(), &dossier.set.catalog);
        Ok(Told::Ground(wire::Ground {
            token: issued.token().to_owned(),
            outcome: outcome.into(),
            fields: ground.fields,
            clauses: ground.clauses,
            due_us: dossier.due_us.unwrap_or_default(),
            record: issued.proof().id().to_string(),
            receipt: receipt(ledger, issued.proof().index()).await,
            correction,
            sentence_vi: words.vietnamese(outcome),
            sentence_en: words.english(outcome),
        }))
    }

    async fn correct(
        &self,
        part: &Part,
        outcome: GroundOutcome,
        fields: &[String],
        record: &RecordId,
    ) -> Result<u64, CorrectError> {
        let Piece::Held(held) = &part.piece else {
            return Err(CorrectError::Absent);
        };
        let ticket = Ticket {
            owner: held.method.owner.clone(),
            dataset: held.method.dataset.clone(),
            method: held.method.path.clone(),
            outcome,
            fields: fields.to_vec(),
            subject: held.subject.clone(),
            record: record.clone(),
        };
        self.upkeep.correct(ticket).await
    }

    fn unrecorded(&self, error: AppendError) -> Unanswered {
        self.metrics.unrecorded(&Unrecorded(error));
        Unanswered::Unrecorded
    }

    /// Counts a component by what holds it and what came of it.
    fn count(&self, part: &Part, outcome: &str) {
        let source = match part.dataset() {
            dataset if dataset.is_empty() => part.database(),
            dataset => dataset,
        };
        let labels = [
            KeyValue::new("dataset", source),
            KeyValue::new("outcome", outcome.to_owned()),
        ];
        self.components.add(1, &labels);
    }
}

/// As the metrics name it: `EVIDENCE`, why there is a ground, or the reason of a refusal.
fn outcome_of(told: &Told) -> &str {
    match told {
        Told::Evidence(_) => "EVIDENCE",
        Told::Ground(ground) => {
            // Without the enumeration's own name.
            let name = ground.outcome().as_str_name();
            name.splitn(3, '_').last().unwrap_or(name)
        }
        Told::Refusal(refusal) => &refusal.reason,
    }
}

/// The data, which only the proof that the component is on record gives.
fn given(release: Release, message: &str, _proof: &Durable) -> wire::Evidence {
    let value = release.messages.into_iter().next().unwrap_or_default();
    wire::Evidence {
        message: Some(prost_types::Any {
            type_url: format!("type.googleapis.com/{message}"),
            value: value.into(),
        }),
        withheld: release.withheld,
        as_of: release.as_of,
        keep_until_us: release.keep_until_us.unwrap_or_default(),
        ..wire::Evidence::default()
    }
}

fn refusal(error: &WireError, record: Option<&RecordId>) -> Told {
    let retry = error.retry().map(|after| after.as_millis());
    Told::Refusal(wire::Refusal {
        reason: error.reason().to_owned(),
        message: error.message().to_owned(),
        message_vi: error.vietnamese().to_owned(),
        record: record.map(ToString::to_string).unwrap_or_default(),
        retry_ms: retry.map_or(0, |ms| u64::try_from(ms).unwrap_or(u64::MAX)),
    })
}

fn unsigned() -> WireError {
    let message = "the ground could not be signed; tell the operator";
    WireError::new(Code::Internal, "GROUND_UNSIGNED", message)
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;
    use crate::places::Places;

    async fn next(components: &mut Components) -> Option<Result<wire::CollectResponse, Status>> {
        poll_fn(|context| Pin::new(&mut *components).poll_next(context)).await
    }

    #[tokio::test]
    async fn a_collection_has_its_place_until_its_work_has_ended_and_the_caller_is_done() {
        let places = Places::new(1, 1);
        let system = "H26/one-stop".parse().unwrap();
        let take = || places.take(&system);
        // All has ended, and the caller has not taken it.
        let mut components = Components::of(1, take().unwrap(), |told| async move {
            told.send((Ok(wire::CollectResponse::default()), None))
                .await
                .unwrap();
        });
        assert!(next(&mut components).await.unwrap().is_ok());
        assert!(next(&mut components).await.is_none());
        assert!(take().is_none());
        drop(components);
        assert!(take().is_some());

        // The caller has gone, and something is under way.
        let (end, ending) = tokio::sync::oneshot::channel::<()>();
        let (ended, end_of_it) = tokio::sync::oneshot::channel::<()>();
        drop(Components::of(1, take().unwrap(), |_| async move {
            ending.await.unwrap();
            ended.send(()).unwrap();
        }));
        assert!(take().is_none());
        end.send(()).unwrap();
        end_of_it.await.unwrap();
        assert!(take().is_some());
    }
}
