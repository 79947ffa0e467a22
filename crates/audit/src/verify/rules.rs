//! The rules between records: each outcome that names its question answers an earlier one, of the
//! same caller and method, that has no outcome yet. And what a record of its kind must say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use motlan_api::audit::v1::{
    ErasureScope, LinkDirection, Look, Record, RecordKind, Result as Ended,
};

use super::change::tells_a_change;
use super::component::tells_a_component;
use crate::format::FORMAT_OF_CHANGES;
use crate::origin::Quarter;

/// How long a root is.
const HASH_BYTES: usize = 32;
/// How many names are kept to be used again.
const NAMES_MAX: usize = 4096;

/// What has been seen of the log so far. Holds only what is open, and a bit or so for each other
/// record.
#[derive(Debug, Default)]
pub(super) struct Rules {
    /// Questions without an outcome.
    open: HashMap<u64, Asked>,
    /// For each record whether it is a question, 64 to a word. A map, because a forged index can be
    /// huge.
    questions: HashMap<u64, u64>,
    names: Names,
    has_successor: bool,
    has_predecessor: bool,
}

#[derive(Debug, PartialEq)]
struct Asked {
    caller: Arc<str>,
    dataset: Arc<str>,
    method: Arc<str>,
}

/// Names that came before: a log has few, and writes each a million times.
#[derive(Debug, Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    fn of(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return Arc::clone(known);
        }
        // A forged log can have many.
        if self.0.len() == NAMES_MAX {
            self.0.clear();
        }
        let name: Arc<str> = name.into();
        self.0.insert(Arc::clone(&name));
        name
    }
}

impl Rules {
    /// Takes the next record and tells what is wrong with it.
    pub(super) fn check(&mut self, index: u64, record: &Record, wrong: &mut dyn FnMut(String)) {
        let ended = record.result();
        tells_its_own(record, wrong);
        // What has begun may end; nothing begins any more.
        let may_follow = record.question.is_some() || record.kind() == RecordKind::Erasure;
        if self.has_successor && !may_follow {
            wrong("stands behind the link to the next log, and ends nothing".to_owned());
        }
        match record.kind() {
            RecordKind::Unspecified => wrong("is of no kind".to_owned()),
            RecordKind::Erasure => {
                if !tells_an_erasure(record, index) {
                    wrong("an erasure that does not say what was erased, and why".to_owned());
                }
            }
            RecordKind::Look => {
                // Of another log's size nothing can be told here.
                let own = record.look.as_ref().filter(|look| look.quarter.is_empty());
                if !tells_a_look(record) || own.is_some_and(|look| look.size > index) {
                    wrong("a look that does not say what was shown, or why nothing was".to_owned());
                }
            }
            RecordKind::Hold => {
                if !tells_a_hold(record) {
                    wrong("a hold that does not say until when, and why".to_owned());
                }
            }
            RecordKind::Link => self.link(record, wrong),
            RecordKind::Component => {
                if !tells_a_component(record) {
                    wrong("a component that does not say what became of what".to_owned());
                }
            }
            RecordKind::Change => {
                if record.format < FORMAT_OF_CHANGES {
                    wrong("a change in a format that has none".to_owned());
                }
                if !tells_a_change(record) {
                    wrong("a change that does not say of what, and to what".to_owned());
                }
            }
            RecordKind::Question => {
                if record.question.is_some() || ended != Ended::Unspecified {
                    wrong("a question that says how it ended".to_owned());
                }
                self.asked(index, record);
            }
            RecordKind::Outcome => {
                if ended == Ended::Unspecified {
                    wrong("an outcome that does not say how it ended".to_owned());
                }
                if record.question.is_some() == (ended == Ended::Refused) {
                    wrong(
                        "an outcome of a question that was never announced, or the other way"
                            .into(),
                    );
                }
                if ended != Ended::Released && !record.fields_released.is_empty() {
                    wrong("an outcome that released fields and gave no answer".to_owned());
                }
                if let Some(question) = record.question {
                    self.answered(question, record, wrong);
                }
            }
        }
    }

    fn link(&mut self, record: &Record, wrong: &mut dyn FnMut(String)) {
        let direction = match &record.link {
            Some(link) if !link.origin.is_empty() && !link.key.is_empty() => link.direction(),
            _ => LinkDirection::Unspecified,
        };
        let root_bytes = record.link.as_ref().map_or(0, |link| link.root.len());
        let is_bare = record.question.is_none() && record.result() == Ended::Unspecified;
        let has_it = match direction {
            LinkDirection::Successor if is_bare && root_bytes == 0 => &mut self.has_successor,
            LinkDirection::Predecessor if is_bare && root_bytes == HASH_BYTES => {
                &mut self.has_predecessor
            }
            _ => return wrong("a link that does not say which log it leads to".to_owned()),
        };
        if std::mem::replace(has_it, true) {
            wrong("a second link in this direction".to_owned());
        }
    }

    /// How many questions have no outcome.
    pub(super) fn open(&self) -> u64 {
        self.open.len() as u64
    }

    fn asked(&mut self, index: u64, record: &Record) {
        let asked = Asked {
            caller: self.names.of(&record.caller),
            dataset: self.names.of(&record.dataset),
            method: self.names.of(&record.method),
        };
        self.open.insert(index, asked);
        let (word, bit) = place(index);
        *self.questions.entry(word).or_default() |= bit;
    }

    fn answered(&mut self, question: u64, record: &Record, wrong: &mut dyn FnMut(String)) {
        let Some(asked) = self.open.remove(&question) else {
            let (word, bit) = place(question);
            let was_asked = self
                .questions
                .get(&word)
                .is_some_and(|word| word & bit != 0);
            wrong(match was_asked {
                true => format!("question {question} has an outcome already"),
                false => format!("record {question}, which it answers, is no earlier question"),
            });
            return;
        };
        let Asked {
            caller,
            dataset,
            method,
        } = asked;
        let same = *caller == record.caller && *dataset == record.dataset;
        if !same || *method != record.method {
            wrong(format!(
                "question {question} was of another caller or method"
            ));
        }
    }
}

/// Checks that what a record tells is of its kind.
fn tells_its_own(record: &Record, wrong: &mut dyn FnMut(String)) {
    let has_component = record.component.is_some();
    for (told, kind, what) in [
        (record.erasure.is_some(), RecordKind::Erasure, "an erasure"),
        (record.look.is_some(), RecordKind::Look, "a look"),
        (record.hold.is_some(), RecordKind::Hold, "a hold"),
        (record.link.is_some(), RecordKind::Link, "another log"),
        (has_component, RecordKind::Component, "a component"),
        (record.change.is_some(), RecordKind::Change, "a change"),
    ] {
        if told && record.kind() != kind {
            wrong(format!("tells of {what} and is of another kind"));
        }
    }
}

/// Whether a record of kind ERASURE says what was erased, and why.
fn tells_an_erasure(record: &Record, index: u64) -> bool {
    let is_told = record.erasure.as_ref().is_some_and(|erasure| {
        let is_of_log = erasure.scope() == ErasureScope::Log;
        erasure.scope() != ErasureScope::Unspecified
            && erasure.log.is_some() == is_of_log
            && !erasure.ground.is_empty()
            && erasure.before <= index
    });
    is_told && record.question.is_none() && record.result() == Ended::Unspecified
}

/// Whether a record of kind LOOK says what was shown, or why nothing was.
pub(crate) fn tells_a_look(record: &Record) -> bool {
    // Of which log it is that was looked into.
    let is_of_log =
        |look: &Look| look.quarter.is_empty() || look.quarter.parse::<Quarter>().is_ok();
    let is_told = match record.result() {
        Ended::Released => record.look.as_ref().is_some_and(is_of_log) && record.reason.is_empty(),
        Ended::Refused => record.look.is_none() && !record.reason.is_empty(),
        Ended::Unspecified | Ended::Failed | Ended::NotFound => false,
    };
    is_told && record.question.is_none()
}

/// Whether a record of kind HOLD says until when, or which one it ends, and why.
pub(crate) fn tells_a_hold(record: &Record) -> bool {
    let is_told = record.hold.as_ref().is_some_and(|hold| {
        let ends_another = !hold.ends.is_empty();
        !hold.ground.is_empty() && ends_another == (hold.until_us == 0)
    });
    is_told && record.question.is_none() && record.result() == Ended::Unspecified
}

fn place(index: u64) -> (u64, u64) {
    (index / 64, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use motlan_api::audit::v1::{Channel, Component, Erasure, GroundOutcome, Hold, Link};

    use super::*;

    fn question(caller: &str) -> Record {
        Record {
            kind: RecordKind::Question.into(),
            caller: caller.into(),
            ..Record::default()
        }
    }

    fn outcome(caller: &str, question: Option<u64>) -> Record {
        let (kind, result) = (RecordKind::Outcome.into(), Ended::Released.into());
        Record {
            kind,
            result,
            caller: caller.into(),
            question,
            ..Record::default()
        }
    }

    /// What is wrong with the last of `records`.
    fn last(records: &[Record]) -> String {
        let (mut rules, mut found) = (Rules::default(), String::new());
        for (record, index) in records.iter().zip(0..) {
            found.clear();
            rules.check(index, record, &mut |what| found.push_str(&what));
        }
        found
    }

    #[test]
    fn a_question_and_its_outcome_are_fine_and_so_is_a_refusal_of_no_question() {
        assert_eq!(last(&[question("a"), outcome("a", Some(0))]), "");
        let result = Ended::Refused.into();
        let refused = Record {
            result,
            ..outcome("a", None)
        };
        assert_eq!(last(std::slice::from_ref(&refused)), "");
        let refused_after_asking = Record {
            question: Some(0),
            ..refused
        };
        assert!(last(&[question("a"), refused_after_asking]).contains("never announced"));
    }

    /// R31: who asks before it records leaves an answer without a question.
    #[test]
    fn an_answer_without_a_question_is_found() {
        assert!(last(&[outcome("a", None)]).contains("never announced"));
    }

    #[test]
    fn an_outcome_answers_an_earlier_question_of_its_caller_once() {
        let (q, o) = (question("a"), outcome("a", Some(0)));
        assert!(last(&[q.clone(), o.clone(), o.clone()]).contains("already"));
        assert!(last(std::slice::from_ref(&o)).contains("no earlier question"));
        assert!(last(&[outcome("a", None), o]).contains("no earlier question"));
        assert!(last(&[q.clone(), outcome("b", Some(0))]).contains("another caller"));
        let other = Record {
            method: "/x/Y".into(),
            ..outcome("a", Some(0))
        };
        assert!(last(&[q, other]).contains("another caller or method"));
    }

    #[test]
    fn a_look_says_what_was_shown_or_why_nothing_was() {
        let look = |size, quarter: &str| Record {
            kind: RecordKind::Look.into(),
            result: Ended::Released.into(),
            look: Some(Look {
                size,
                quarter: quarter.into(),
                ..Look::default()
            }),
            ..Record::default()
        };
        assert_eq!(last(&[look(0, "")]), "");
        assert!(
            last(&[look(1, "")]).contains("a look that"),
            "of the future"
        );
        assert_eq!(last(&[look(1, "2026q3")]), "", "of another log");
        assert!(last(&[look(0, "2026")]).contains("a look that"), "of none");
        let refused = Record {
            result: Ended::Refused.into(),
            reason: "ROLE_NOT_HELD".into(),
            look: None,
            ..look(0, "")
        };
        assert_eq!(last(std::slice::from_ref(&refused)), "");
        for wrong in [
            Record {
                look: look(0, "").look,
                ..refused.clone()
            },
            Record {
                reason: String::new(),
                ..refused.clone()
            },
            Record {
                result: Ended::NotFound.into(),
                ..refused.clone()
            },
            Record {
                question: Some(0),
                ..refused
            },
        ] {
            assert!(last(&[wrong]).contains("a look that"));
        }
        let elsewhere = Record {
            look: look(0, "").look,
            ..question("a")
        };
        assert!(last(&[elsewhere]).contains("of another kind"));
    }

    #[test]
    fn a_hold_says_until_when_or_which_one_it_ends() {
        let hold = |until_us, ends: &str, ground: &str| Record {
            kind: RecordKind::Hold.into(),
            hold: Some(Hold {
                ground: ground.into(),
                until_us,
                ends: ends.into(),
            }),
            ..Record::default()
        };
        assert_eq!(last(&[hold(7, "", "order 9")]), "");
        assert_eq!(last(&[hold(0, "hn1-2026q4-3", "order 9")]), "");
        let mut ended = hold(7, "", "order 9");
        ended.result = Ended::Released.into();
        for wrong in [
            hold(7, "hn1-2026q4-3", "order 9"),
            hold(0, "", "order 9"),
            hold(7, "", ""),
            ended,
        ] {
            assert!(last(&[wrong]).contains("a hold that"));
        }
    }

    /// A ground: no such record, as its owner says.
    fn component() -> Record {
        Record {
            kind: RecordKind::Component.into(),
            caller: "a".into(),
            dataset: "land".into(),
            procedure: "1.004222".into(),
            component: Some(Component {
                document: "land_certificate".into(),
                outcome: GroundOutcome::NotFound.into(),
                clauses: vec!["x".into()],
                channel: Channel::Paper.into(),
                received_us: 1,
                due_us: 2,
                lookup: "hn1-2026q4-3".into(),
                commitment: vec![7; 32],
                ..Component::default()
            }),
            ..Record::default()
        }
    }

    #[test]
    fn a_component_says_what_became_of_what_and_nothing_of_its_lookup() {
        assert_eq!(last(&[component()]), "");
        let changed = |change: fn(&mut Record, &mut Component)| {
            let mut record = component();
            let mut told = record.component.take().unwrap();
            change(&mut record, &mut told);
            record.component = Some(told);
            record
        };
        let evidence = changed(|_, it| {
            it.outcome = 0;
            it.due_us = 0;
            it.commitment.clear();
        });
        assert_eq!(last(&[evidence]), "");
        let bare = Record {
            component: None,
            ..component()
        };
        for wrong in [
            bare,
            changed(|_, it| it.outcome = 0),
            changed(|_, it| it.outcome = 99),
            changed(|_, it| it.outcome = GroundOutcome::NotPublished.into()),
            changed(|_, it| it.outcome = GroundOutcome::Mismatch.into()),
            changed(|_, it| it.commitment.truncate(31)),
            changed(|_, it| it.due_us = -1),
            changed(|record, _| record.question = Some(0)),
            changed(|record, _| record.result = Ended::Released.into()),
            changed(|record, _| record.reason = "NO_AGREEMENT".into()),
            changed(|record, _| record.dataset.clear()),
        ] {
            assert!(last(&[wrong]).contains("a component that"));
        }
        let told_by_another = Record {
            component: component().component,
            ..question("a")
        };
        assert!(last(&[told_by_another]).contains("tells of a component"));
    }

    #[test]
    fn behind_the_link_to_the_next_log_only_what_had_begun_may_end() {
        let link = |direction: LinkDirection, root: &[u8]| Record {
            kind: RecordKind::Link.into(),
            link: Some(Link {
                direction: direction.into(),
                origin: "a/b/2026q4".into(),
                key: "a/b+00000000+AQ".into(),
                root: root.to_vec(),
                ..Link::default()
            }),
            ..Record::default()
        };
        let next = link(LinkDirection::Successor, &[]);
        let before = link(LinkDirection::Predecessor, &[7; 32]);
        let asked = [question("a"), next.clone()];
        let behind = |record: Record| last(&[&asked[..], &[record]].concat());
        assert_eq!(last(&[before.clone(), question("a"), next.clone()]), "");
        assert_eq!(behind(outcome("a", Some(0))), "");
        let refused = Record {
            result: Ended::Refused.into(),
            ..outcome("a", None)
        };
        for wrong in [question("a"), refused, before.clone(), component()] {
            assert!(behind(wrong).contains("and ends nothing"));
        }
        assert!(behind(next.clone()).contains("a second link"));
        assert!(last(&[before.clone(), before]).contains("a second link"));
        for (direction, root) in [
            (LinkDirection::Successor, &[7; 32][..]),
            (LinkDirection::Predecessor, &[]),
            (LinkDirection::Predecessor, &[7; 31]),
            (LinkDirection::Predecessor, &[7; 33]),
            (LinkDirection::Unspecified, &[]),
        ] {
            assert!(last(&[link(direction, root)]).contains("which log it leads to"));
        }
    }

    #[test]
    fn a_dropped_log_is_named_by_an_erasure_of_a_log_and_no_other() {
        let dropped = |scope: ErasureScope, log| Record {
            kind: RecordKind::Erasure.into(),
            erasure: Some(Erasure {
                scope: scope.into(),
                ground: "by law".into(),
                log,
                ..Erasure::default()
            }),
            ..Record::default()
        };
        let log = Some(Link::default());
        assert_eq!(last(&[dropped(ErasureScope::Log, log.clone())]), "");
        for (scope, log) in [(ErasureScope::Log, None), (ErasureScope::Subject, log)] {
            assert!(last(&[dropped(scope, log)]).contains("what was erased"));
        }
    }

    #[test]
    fn kind_and_result_must_fit() {
        assert!(last(&[Record::default()]).contains("of no kind"));
        let ended = Record {
            result: Ended::Failed.into(),
            ..question("a")
        };
        assert!(last(&[ended]).contains("how it ended"));
        let mut erasure = Record {
            kind: RecordKind::Erasure.into(),
            erasure: Some(Erasure {
                scope: ErasureScope::Subject.into(),
                ground: "by law".into(),
                ..Erasure::default()
            }),
            ..Record::default()
        };
        assert_eq!(last(std::slice::from_ref(&erasure)), "");
        erasure.kind = RecordKind::Question.into();
        assert!(last(std::slice::from_ref(&erasure)).contains("of another kind"));
        erasure.kind = RecordKind::Erasure.into();
        erasure.erasure = Some(Erasure {
            before: 1,
            ..erasure.erasure.unwrap()
        });
        assert!(last(&[erasure]).contains("what was erased"));
        let open = Record {
            result: 0,
            ..outcome("a", None)
        };
        assert!(last(&[open]).contains("does not say"));
    }
}
