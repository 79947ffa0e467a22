//! The questions that are put to the solver. Each is put for every action of the schema.

use std::process::Command;

use anyhow::{Context as _, ensure};
use cedar_policy::{Policy, PolicySet, RequestEnv, Schema};
use cedar_policy_symcc::solver::LocalSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicy, CompiledPolicySet};

use crate::counterexample::Counterexample;
use crate::texts;

/// The schema, and the solver behind it.
pub(crate) struct Prover {
    schema: Schema,
    compiler: CedarSymCompiler<LocalSolver>,
    version: String,
    questions: usize,
}

impl Prover {
    /// Starts the solver.
    pub(crate) async fn new(solver: &str) -> anyhow::Result<Self> {
        let told = Command::new(solver).arg("--version").output();
        let told = told.with_context(|| format!("`{solver}` does not run"))?;
        ensure!(
            told.status.success(),
            "`{solver}` does not run; tests/setup-cvc5 puts it where it is looked for"
        );
        let version = String::from_utf8_lossy(&told.stdout);
        let version = version.lines().next().unwrap_or_default().to_owned();
        let mut command = tokio::process::Command::new(solver);
        let solver = LocalSolver::from_command(command.args(["--lang", "smt"]).kill_on_drop(true))?;
        Ok(Self {
            schema: texts::schema()?,
            compiler: CedarSymCompiler::new(solver)?,
            version,
            questions: 0,
        })
    }

    /// What the solver calls itself.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// How many questions were put so far.
    pub(crate) fn questions(&self) -> usize {
        self.questions
    }

    /// The schema of the rules.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// A question on which `rule` fails to evaluate.
    pub(crate) async fn failing(
        &mut self,
        rule: &Policy,
    ) -> anyhow::Result<Option<Counterexample>> {
        for env in self.envs() {
            let compiled = CompiledPolicy::compile(rule, &env, &self.schema)?;
            self.questions += 1;
            let shown = self
                .compiler
                .check_never_errors_with_counterexample_opt(&compiled);
            if let Some(shown) = shown.await? {
                return Ok(Some(Counterexample::failing(shown, rule)?));
            }
        }
        Ok(None)
    }

    /// A question that `rules` allow, beyond `bound`.
    pub(crate) async fn beyond(
        &mut self,
        rules: &PolicySet,
        bound: &PolicySet,
    ) -> anyhow::Result<Option<Counterexample>> {
        for env in self.envs() {
            let compiled = CompiledPolicySet::compile(rules, &env, &self.schema)?;
            let within = CompiledPolicySet::compile(bound, &env, &self.schema)?;
            self.questions += 1;
            let shown = self
                .compiler
                .check_implies_with_counterexample_opt(&compiled, &within);
            if let Some(shown) = shown.await? {
                return Ok(Some(Counterexample::beyond(shown, rules, bound)?));
            }
        }
        Ok(None)
    }

    /// An action that `rules` never allow.
    pub(crate) async fn never_allowed(
        &mut self,
        rules: &PolicySet,
    ) -> anyhow::Result<Option<String>> {
        for env in self.envs() {
            let compiled = CompiledPolicySet::compile(rules, &env, &self.schema)?;
            self.questions += 1;
            if self.compiler.check_always_denies_opt(&compiled).await? {
                return Ok(Some(env.action().to_string()));
            }
        }
        Ok(None)
    }

    /// Every action, with the types of who asks and of what is asked.
    fn envs(&self) -> Vec<RequestEnv> {
        let mut envs: Vec<RequestEnv> = self.schema.request_envs().collect();
        envs.sort_by_key(|env| env.action().to_string());
        envs
    }
}
