//! What every answer of a contender must be. A benchmark that does not look measures how fast one
//! can be wrong.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use bytes::Bytes;
use motlan_testkit::Client;
use motlan_testkit::client::{CallError, Reply};
use motlan_testkit::contracts::population::v1::Person;
use prost::Message as _;
use tonic::Code;

use crate::contender::Contender;
use crate::deployment::Deployment;

/// The one right answer.
pub(crate) struct Expected {
    message: Bytes,
    recorded: bool,
}

impl Expected {
    /// What `contender`, which listens at `address`, must answer from now on, if its first answer
    /// is right: what the owner holds, or of that what the view `residence` grants, on record. One
    /// call.
    pub(crate) async fn hear(
        contender: Contender,
        address: &str,
        deployment: &Deployment,
    ) -> Result<Arc<Self>> {
        let hear = async {
            let client = Client::connect(address, deployment.tls()?).await?;
            let first = client.call(&deployment.call()?).await?;
            Self::of(contender, &deployment.record()?, first)
        };
        let heard = hear.await;
        let expected = heard.with_context(|| format!("the first answer of {contender}"))?;
        Ok(Arc::new(expected))
    }

    fn of(contender: Contender, record: &Bytes, first: Reply) -> Result<Self> {
        if let Some(status) = bad_status(&first) {
            bail!(status);
        }
        let recorded = contender == Contender::Gateway;
        let messages = first.messages()?;
        let message = messages.into_iter().next().unwrap_or_default();
        if recorded {
            check_masked(record, &message)?;
            let withheld = first.metadata("motlan-withheld").unwrap_or_default();
            ensure!(!withheld.is_empty(), "it does not say what is withheld");
        }
        let message = if recorded { message } else { record.clone() };
        let expected = Self { message, recorded };
        match expected.fault(Ok(first)) {
            Some(fault) => bail!(fault),
            None => Ok(expected),
        }
    }

    /// How long the message is.
    pub(crate) fn bytes(&self) -> usize {
        self.message.len()
    }

    /// What is wrong with a reply.
    pub(crate) fn fault(&self, reply: Result<Reply, CallError>) -> Option<String> {
        let reply = match reply {
            Ok(reply) => reply,
            Err(error) => return Some(format!("{:#}", anyhow!(error))),
        };
        if let Some(status) = bad_status(&reply) {
            return Some(status);
        }
        match reply.messages().as_deref() {
            Ok([message]) if *message == self.message => {}
            _ => return Some("another answer than expected".to_owned()),
        }
        let on_record = reply.metadata("motlan-record").is_some();
        (self.recorded && !on_record).then(|| "an answer that is not on record".to_owned())
    }
}

fn bad_status(reply: &Reply) -> Option<String> {
    let (code, message) = (reply.code(), reply.status.message());
    (code != Code::Ok).then(|| {
        let reason = reply.reason().unwrap_or_default();
        format!("{code:?} {reason}: {message}")
    })
}

fn check_masked(record: &Bytes, masked: &Bytes) -> Result<()> {
    let whole = Person::decode(record.clone())?;
    let part = Person::decode(masked.clone()).context("the answer is no person")?;
    ensure!(
        part.personal_id == whole.personal_id,
        "it is another person"
    );
    ensure!(
        part.permanent_residence == whole.permanent_residence,
        "the residence is not what the owner holds"
    );
    ensure!(masked.len() < record.len(), "nothing was withheld");
    Ok(())
}
