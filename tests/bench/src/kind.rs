//! One kind of call: what is asked, and what its reply must be. A benchmark that does not look
//! measures how fast one can be wrong.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use bytes::Bytes;
use motlan_testkit::client::{Call, CallError, Reply};
use motlan_testkit::contracts::population::v1::GetPersonRequest;
use motlan_testkit::sample::SECRET_NOTE;
use motlan_testkit::world::System;
use motlan_testkit::{Client, World};
use prost::Message;
use tonic::Code;

use crate::deployment::{CALLER, GET_PERSON, PROCEDURE};

/// What is asked, by whom and what for.
pub(crate) struct Question {
    /// As it is printed.
    pub(crate) name: &'static str,
    system: System,
    procedure: &'static str,
    /// Without a token.
    call: Call,
}

impl Question {
    /// Of the system that asks for everything unless told otherwise.
    pub(crate) fn new(
        name: &'static str,
        world: &World,
        path: &str,
        message: &impl Message,
    ) -> Result<Self> {
        Ok(Self {
            name,
            system: world.system(CALLER)?.clone(),
            procedure: PROCEDURE,
            call: Call::new(path, &message.encode_to_vec())?,
        })
    }

    /// About the person of the sample.
    pub(crate) fn person(name: &'static str, world: &World) -> Result<Self> {
        let personal_id = world.sample().roles.person.clone();
        Self::new(name, world, GET_PERSON, &GetPersonRequest { personal_id })
    }

    /// Of another system.
    pub(crate) fn of(mut self, system: &System) -> Self {
        self.system = system.clone();
        self
    }

    /// For another procedure.
    pub(crate) fn for_procedure(mut self, procedure: &'static str) -> Self {
        self.procedure = procedure;
        self
    }

    /// With a deadline, and a caller who waits for so long.
    pub(crate) fn until(mut self, deadline: Duration, patience: Duration) -> Result<Self> {
        self.call = self.call.deadline(deadline)?.patience(patience);
        Ok(self)
    }

    /// With a new token, which any number of calls may share.
    fn signed(&self) -> Result<Call> {
        let token = self.system.signed(self.procedure)?;
        Ok(self.call.clone().bearer(&token)?)
    }
}

/// A kind of call.
pub(crate) struct Kind {
    question: Question,
    right: Right,
}

/// The one right reply.
enum Right {
    /// These messages, in their frames.
    Answer { body: Bytes, on_record: bool },
    /// No answer, for this reason.
    Refusal { refused: Refused, on_record: bool },
}

/// How somebody was refused.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Refused {
    /// The number of the gRPC code.
    code: i32,
    /// The stable reason, empty where none was told.
    pub(crate) reason: String,
}

impl Refused {
    /// The gRPC code.
    pub(crate) fn code(&self) -> Code {
        Code::from_i32(self.code)
    }

    /// Whether it is what an overloaded server is to say.
    pub(crate) fn tells_of_overload(&self) -> bool {
        matches!(self.code(), Code::ResourceExhausted | Code::Unavailable)
    }

    fn of(reply: &Reply) -> Self {
        Self {
            code: reply.code().into(),
            reason: reply.reason().unwrap_or_default(),
        }
    }
}

/// What came of a call.
pub(crate) enum Verdict {
    /// What had to come.
    Right,
    /// A gRPC error in its place; whether it is on record.
    Refused { refused: Refused, on_record: bool },
    /// No reply at all.
    Unanswered(String),
    /// A reply that nobody may give.
    Wrong(String),
}

impl Kind {
    /// A call that is answered: asks once, and takes the answer for the right one if it holds as
    /// many messages as the owner's `held`, each the same or, from a gateway, less than that.
    ///
    /// # Errors
    /// Where another answer comes.
    pub(crate) async fn answered(
        question: Question,
        client: &Client,
        held: &[Bytes],
        by_gateway: bool,
    ) -> Result<Self> {
        let name = question.name;
        let first = client.call(&question.signed()?).await?;
        let (code, message) = (first.code(), first.status.message());
        ensure!(code == Code::Ok, "the first {name}: {code:?} {message}");
        let messages = first.messages()?;
        let same_number = messages.len() == held.len();
        ensure!(
            same_number,
            "the first {name} has {} messages",
            messages.len()
        );
        for (message, held) in messages.iter().zip(held) {
            let fits = match by_gateway {
                true => !message.is_empty() && message.len() < held.len(),
                false => message == held,
            };
            ensure!(fits, "the first {name} is not what may come of the owner's");
        }
        if by_gateway {
            ensure!(!first.contains(SECRET_NOTE), "the first {name} tells all");
            let withheld = first.metadata("motlan-withheld").unwrap_or_default();
            ensure!(!withheld.is_empty(), "the first {name} withholds nothing");
        }
        let right = Right::Answer {
            body: first.body.clone(),
            on_record: by_gateway,
        };
        Self::sound(question, right, first)
    }

    /// A call that is refused with this code and, from a gateway, for this reason.
    ///
    /// # Errors
    /// Where another reply comes.
    pub(crate) async fn refused(
        question: Question,
        client: &Client,
        code: Code,
        reason: Option<&str>,
    ) -> Result<Self> {
        let first = client.call(&question.signed()?).await?;
        let refused = Refused {
            code: code.into(),
            reason: reason.unwrap_or_default().to_owned(),
        };
        let on_record = reason.is_some();
        Self::sound(question, Right::Refusal { refused, on_record }, first)
    }

    fn sound(question: Question, right: Right, first: Reply) -> Result<Self> {
        let name = question.name;
        let kind = Self { question, right };
        match kind.judge(Ok(first)) {
            Verdict::Right => Ok(kind),
            Verdict::Refused { refused, .. } => Err(anyhow!("{refused:?}")),
            Verdict::Unanswered(what) | Verdict::Wrong(what) => Err(anyhow!(what)),
        }
        .with_context(|| format!("the first {name}"))
    }

    /// As it is printed.
    pub(crate) fn name(&self) -> &'static str {
        self.question.name
    }

    /// The call, with a new token, which any number of calls may share.
    pub(crate) fn call(&self) -> Result<Call> {
        self.question.signed()
    }

    /// What to make of a reply.
    pub(crate) fn judge(&self, reply: Result<Reply, CallError>) -> Verdict {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Verdict::Unanswered(format!("{:#}", anyhow!(error))),
        };
        let recorded = reply.metadata("motlan-record").is_some();
        if reply.code() != Code::Ok {
            let came = Refused::of(&reply);
            return match &self.right {
                Right::Refusal { refused, on_record } if *refused == came => {
                    kept(*on_record, recorded)
                }
                _ => Verdict::Refused {
                    refused: came,
                    on_record: recorded,
                },
            };
        }
        match &self.right {
            Right::Answer { body, on_record } if *body == reply.body => kept(*on_record, recorded),
            _ => Verdict::Wrong("another answer than expected".to_owned()),
        }
    }
}

fn kept(must_be: bool, recorded: bool) -> Verdict {
    match must_be && !recorded {
        true => Verdict::Wrong("a reply that is not on record".to_owned()),
        false => Verdict::Right,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, StatusCode};
    use tonic::Status;

    use super::*;

    fn kind(right: Right) -> Kind {
        let dir = tempfile::TempDir::new().unwrap();
        let runtime = crate::runtime().unwrap();
        let world = runtime.block_on(World::lay(dir.path(), 7)).unwrap();
        let question = Question::person("person", &world).unwrap();
        Kind { question, right }
    }

    fn reply(body: &'static [u8], status: Status, on_record: bool) -> Reply {
        let mut trailers = HeaderMap::new();
        if on_record {
            trailers.insert("motlan-record", HeaderValue::from_static("1"));
        }
        Reply {
            http_status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(body),
            trailers,
            status,
        }
    }

    #[test]
    fn only_the_same_bytes_on_record_are_a_right_answer() {
        let body = Bytes::from_static(b"right");
        let kind = kind(Right::Answer {
            body,
            on_record: true,
        });
        let ok = || Status::new(Code::Ok, "");
        let judge = |reply| kind.judge(Ok(reply));
        assert!(matches!(judge(reply(b"right", ok(), true)), Verdict::Right));
        let off_record = judge(reply(b"right", ok(), false));
        assert!(matches!(off_record, Verdict::Wrong(_)));
        let another = judge(reply(b"wrong", ok(), true));
        assert!(matches!(another, Verdict::Wrong(_)));
        let busy = judge(reply(b"", Status::resource_exhausted(""), false));
        let Verdict::Refused { refused, on_record } = busy else {
            panic!("a refusal is neither right nor wrong");
        };
        assert!(refused.tells_of_overload() && !on_record);
        let gone = kind.judge(Err(CallError::Patience));
        assert!(matches!(gone, Verdict::Unanswered(_)));
    }

    #[test]
    fn a_refusal_is_right_only_with_its_own_code() {
        let refused = Refused {
            code: Code::NotFound.into(),
            reason: String::new(),
        };
        let kind = kind(Right::Refusal {
            refused,
            on_record: false,
        });
        let judge = |status| kind.judge(Ok(reply(b"", status, false)));
        assert!(matches!(judge(Status::not_found("")), Verdict::Right));
        let other = judge(Status::permission_denied(""));
        assert!(matches!(other, Verdict::Refused { .. }));
        let answered = judge(Status::new(Code::Ok, ""));
        assert!(matches!(answered, Verdict::Wrong(_)));
    }
}
