//! The rules between records: each outcome that names its question answers an earlier one, of the
//! same caller and method, that has no outcome yet. And what a record of its kind must say.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use motlan_api::audit::v1::{ErasureScope, Record, RecordKind, Result as Ended};

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
        if record.erasure.is_some() && record.kind() != RecordKind::Erasure {
            wrong("tells of an erasure and is none".to_owned());
        }
        match record.kind() {
            RecordKind::Unspecified => wrong("is of no kind".to_owned()),
            RecordKind::Erasure => {
                let erasure = record.erasure.as_ref();
                let is_told = erasure.is_some_and(|erasure| {
                    erasure.scope() != ErasureScope::Unspecified
                        && !erasure.ground.is_empty()
                        && erasure.before <= index
                });
                if !is_told || record.question.is_some() || ended != Ended::Unspecified {
                    wrong("an erasure that does not say what was erased, and why".to_owned());
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

fn place(index: u64) -> (u64, u64) {
    (index / 64, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use motlan_api::audit::v1::Erasure;

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
        assert!(last(std::slice::from_ref(&erasure)).contains("is none"));
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
