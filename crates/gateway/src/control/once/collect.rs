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

/// Components in the order in which they end.
pub(crate) struct Components(mpsc::Receiver<Item>);

impl Stream for Components {
    type Item = Result<wire::CollectResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = self.0.poll_recv(context);
        next.map(|item| item.map(|(told, _place)| told))
    }
}

impl Collector {
    /// Collects all `parts` at once. `place` is held until the last one has ended.
    pub(super) fn collect(
        self: &Arc<Self>,
        dossier: Dossier,
        parts: Vec<Part>,
        place: Place,
    ) -> Components {
        // Nobody waits for room: what the caller does not take holds up no record.
        let (told, hearing) = mpsc::channel(parts.len().max(1));
        let (this, dossier) = (Arc::clone(self), Arc::new(dossier));
        // R34: tasks of their own. A caller that hangs up does not stop a record.
        tokio::spawn(async move {
            let _place = place;
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
        });
        Components(hearing)
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
                    return Ok(refusal(&uncorrected(), Some(record)));
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
        let issued = ledger.ground(dossier.entry(), &ground).await;
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

fn uncorrected() -> WireError {
    let message = "the owner could not be asked for a correction, so there is no ground; tell the \
                   operator";
    WireError::new(Code::Unavailable, "STATE_UNAVAILABLE", message)
}

fn unsigned() -> WireError {
    let message = "the ground could not be signed; tell the operator";
    WireError::new(Code::Internal, "GROUND_UNSIGNED", message)
}
