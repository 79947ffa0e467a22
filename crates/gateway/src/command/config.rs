//! `motlan config`.

use std::process::ExitCode;

use motlan_gateway::settings::{configuration_schema, configuration_template};

/// What is asked of the configuration's form.
#[derive(clap::Subcommand)]
pub(super) enum ConfigVerb {
    /// Print the JSON Schema of the configuration, for editors.
    Schema,
    /// Print a configuration with every key in it, as `motlan init` writes it.
    Template,
}

impl ConfigVerb {
    pub(super) fn run(self) -> ExitCode {
        match self {
            Self::Schema => print!("{}", configuration_schema()),
            Self::Template => print!("{}", configuration_template()),
        }
        ExitCode::SUCCESS
    }
}
