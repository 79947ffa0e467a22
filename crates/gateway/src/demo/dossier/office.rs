//! A system that calls `motlan.once.v1.OnceOnly`.

use anyhow::ensure;
use motlan_api::once::v1 as wire;
use motlan_testkit::client::{Call, Client};
use motlan_testkit::{System, Token, World};
use prost::Message;
use tonic::Code;

use super::{DOSSIER, PROCEDURE, VARIANT};
use crate::demo::play;

/// What a call rests on that serves no dossier.
const BASIS: &str = "Nghị quyết 66.7/2025/NQ-CP";

/// One that is connected.
pub(super) struct Office<'w> {
    system: &'w System,
    client: Client,
}

impl<'w> Office<'w> {
    pub(super) async fn open(world: &'w World, port: u16, system: &str) -> anyhow::Result<Self> {
        Ok(Self {
            system: world.system(system)?,
            client: play::connect(world, port, system).await?,
        })
    }

    pub(super) async fn plan(&self, variant: &str) -> anyhow::Result<wire::PlanResponse> {
        let request = wire::PlanRequest {
            procedure: PROCEDURE.to_owned(),
            variant: variant.to_owned(),
        };
        only(self.ask("Plan", &request, None).await?)
    }

    pub(super) async fn collect(
        &self,
        request: &wire::CollectRequest,
    ) -> anyhow::Result<Vec<wire::CollectResponse>> {
        let token = self.system.token(PROCEDURE)?;
        let token = token.variant(VARIANT).dossier(DOSSIER);
        self.ask("Collect", request, Some(token)).await
    }

    pub(super) async fn corrections(&self) -> anyhow::Result<wire::CorrectionsResponse> {
        let request = wire::CorrectionsRequest::default();
        let token = self.system.token(PROCEDURE)?.basis(BASIS);
        only(self.ask("Corrections", &request, Some(token)).await?)
    }

    pub(super) async fn report(
        &self,
        agency: &str,
        from_us: i64,
        until_us: i64,
    ) -> anyhow::Result<wire::ReportResponse> {
        let request = wire::ReportRequest {
            from_us,
            until_us,
            agency: agency.to_owned(),
        };
        let token = self.system.token(PROCEDURE)?.basis(BASIS);
        only(self.ask("Report", &request, Some(token)).await?)
    }

    async fn ask<A: Message + Default>(
        &self,
        method: &str,
        request: &impl Message,
        token: Option<Token>,
    ) -> anyhow::Result<Vec<A>> {
        let path = format!("/motlan.once.v1.OnceOnly/{method}");
        let mut call = Call::new(&path, &request.encode_to_vec())?;
        if let Some(token) = token {
            call = call.bearer(&self.system.sign(&token)?)?;
        }
        let reply = self.client.call(&call).await?;
        let what = reply.status.message();
        ensure!(reply.code() == Code::Ok, "`{method}` was refused: {what}");
        let messages = reply.messages()?;
        let decoded = messages.iter().map(|message| A::decode(message.as_ref()));
        Ok(decoded.collect::<Result<_, _>>()?)
    }
}

/// The message of a call that brings one.
fn only<A>(messages: Vec<A>) -> anyhow::Result<A> {
    let count = messages.len();
    let first = messages.into_iter().next().filter(|_| count == 1);
    first.ok_or_else(|| anyhow::anyhow!("{count} messages came instead of one"))
}
