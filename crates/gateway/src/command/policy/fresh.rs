//! `motlan policy new`: a starting point for an agreement.

use std::process::ExitCode;

use anyhow::Context as _;
use motlan_catalog::{AgencyCode, AgreementId, DatasetId, View};

use super::{Loaded, Place, print};

/// Print a starting point. What only people know is left empty, and does not load before it is
/// filled in.
#[derive(clap::Args)]
pub(crate) struct New {
    #[command(flatten)]
    place: Place,
    /// Its name, e.g. `g01-h41-residence-2027`.
    #[arg(long)]
    id: AgreementId,
    /// The agency that will ask.
    #[arg(long, value_name = "AGENCY")]
    consumer: AgencyCode,
    /// The dataset.
    #[arg(long)]
    dataset: DatasetId,
    /// The view that is granted.
    #[arg(long)]
    view: String,
}

impl New {
    pub(super) fn run(self) -> anyhow::Result<ExitCode> {
        let Some(Loaded { catalog, .. }) = self.place.load()? else {
            return Ok(ExitCode::FAILURE);
        };
        let dataset = catalog
            .dataset(&self.dataset)
            .with_context(|| format!("the catalogue has no dataset `{}`", self.dataset))?;
        let view = dataset
            .views
            .iter()
            .find(|view| view.name.as_str() == self.view);
        let view = view.with_context(|| {
            let names: Vec<&str> = dataset
                .views
                .iter()
                .map(|view| view.name.as_str())
                .collect();
            let names = names.join("`, `");
            format!(
                "`{}` has no view `{}`; it has `{names}`",
                dataset.id, self.view
            )
        })?;
        let methods: Vec<&str> = dataset
            .methods
            .iter()
            .filter(|method| method.response.full_name() == view.message)
            .map(|method| method.name.as_str())
            .collect();
        let first = methods
            .first()
            .context("no method answers with this view")?;
        let system = catalog
            .systems()
            .find(|system| system.agency == self.consumer);
        let system = system
            .map(|system| system.id.to_string())
            .unwrap_or_default();
        print(&self.text(dataset.owner.as_str(), &methods, first, view, &system))
    }

    fn text(
        &self,
        owner: &str,
        methods: &[&str],
        first: &str,
        view: &View,
        system: &str,
    ) -> String {
        let Self {
            id,
            consumer,
            dataset,
            ..
        } = self;
        let (name, title) = (&view.name, view.title_vi.replace('\n', " "));
        let fields: String = view
            .leaves
            .iter()
            .map(|path| format!("    {path:?},\n"))
            .collect();
        let question = format!(
            "system = {system:?}\nmethod = \"{dataset}/{first}\"\nprocedure = \"\"\n\
             # dossier = true\n# at = 2027-03-01T09:00:00\n"
        );
        format!(
            "# What is empty or commented out is yours to fill in.\n\
             # docs/owner/agreements.md has every key.\n\
             id = \"{id}\"\n\
             # Every change of what is signed takes the next number.\n\
             version = 1\n\
             title = \"\"\n\
             provider = \"{owner}\"\n\
             consumer = \"{consumer}\"\n\
             # Each instrument that the agreement rests on, with article and clause.\n\
             legal_basis = [\"\"]\n\
             # Days in Việt Nam; the last one is within.\n\
             # valid_from = 2027-01-01\n\
             # valid_until = 2027-12-31\n\
             \n\
             # {title}\n\
             [[grant]]\n\
             id = \"{name}\"\n\
             dataset = \"{dataset}\"\n\
             view = \"{name}\"\n\
             methods = {methods:?}\n\
             # The codes of the procedures that need it.\n\
             procedures = [\"\"]\n\
             # Only these systems of the consumer; left out, all of them.\n\
             # systems = [{system:?}]\n\
             # Only then, by Việt Nam's time; left out, at any time.\n\
             # days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\n\
             # hours = [\"07:30-11:30\", \"13:00-17:00\"]\n\
             # Only for a dossier that the official names.\n\
             # dossier = \"required\"\n\
             \n\
             # What must hold before this loads: at least one that is allowed,\n\
             # and one that is refused.\n\
             [[test]]\n\
             name = \"\"\n\
             {question}\
             expect = \"allowed\"\n\
             fields = [\n{fields}]\n\
             \n\
             [[test]]\n\
             name = \"\"\n\
             {question}\
             expect = \"PURPOSE_NOT_COVERED\"\n"
        )
    }
}
