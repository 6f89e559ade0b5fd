//! The identity of a process in a group: its number, and where it finds the others.

use std::time::Duration;

use super::redis::{Coordinator, CoordinatorError};

/// The values given on the command line; those left open are taken from the environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// `--processes`.
    pub processes: Option<usize>,
    /// `--process-id`.
    pub process_id: Option<usize>,
    /// `--coordinator`.
    pub coordinator: Option<String>,
}

/// This process among those of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Number of processes, at least 2.
    pub count: usize,
    /// This one, from 0.
    pub index: usize,
    /// The store in which they find each other.
    pub coordinator: Coordinator,
}

/// The ways in which a process's identity is wrong, all of them wrong usage.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is no store.
    #[error(
        "{origin} {value}: several processes find each other through a store; name process 0's address with \
         --coordinator HOST:PORT (it holds the store then), a server with redis://HOST:PORT, or set GOPHER_COORDINATOR"
    )]
    NoCoordinator {
        /// The option or variable that says that there are several processes.
        origin: String,
        /// What it says.
        value: String,
    },
    /// The number of processes, or of this one, is not known.
    #[error("--coordinator {coordinator}: {what} is not known; give {flag} N or set {variables}")]
    Unknown {
        /// The store.
        coordinator: String,
        /// What is not known.
        what: &'static str,
        /// The option that says it.
        flag: &'static str,
        /// The variables that say it.
        variables: &'static str,
    },
    /// A number that is none, or out of range.
    #[error("{origin} {value}: expected a whole number {expected}")]
    Number {
        /// The option or variable.
        origin: String,
        /// What it says.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// The environment does not say where process 0 is.
    #[error(
        "--coordinator auto: the environment does not say on which host process 0 is (MASTER_ADDR, SLURM_STEP_NODELIST or TPU_WORKER_HOSTNAMES); name it with --coordinator HOST:PORT"
    )]
    NoHost,
    /// The address is none.
    #[error(transparent)]
    Coordinator(#[from] CoordinatorError),
}

/// The most processes; TPU pods have 2048 hosts at most, and 256 slices may join them.
const MOST: usize = 1 << 16;

/// Variables that say how many processes there are, the first one that is set wins: ours, Slurm's, those of mpirun (Open MPI and
/// others), and what launchers of PyTorch set.
const COUNTS: [&str; 6] = [
    "GOPHER_PROCESSES",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_NTASKS",
    "OMPI_COMM_WORLD_SIZE",
    "PMI_SIZE",
    "WORLD_SIZE",
];
/// Variables that say which of them this is. Cloud TPU's is that of a host in its slice.
const INDICES: [&str; 7] = [
    "GOPHER_PROCESS_ID",
    "SLURM_PROCID",
    "OMPI_COMM_WORLD_RANK",
    "PMI_RANK",
    "RANK",
    "JOB_COMPLETION_INDEX",
    "TPU_WORKER_ID",
];
/// The hosts of a TPU slice, in the order of their numbers, separated by commas.
const TPU_HOSTS: &str = "TPU_WORKER_HOSTNAMES";
/// Slurm's list of the hosts of a step or a job, such as `gpu[01-04,07]`, of which the first has process 0.
const SLURM_HOSTS: [&str; 2] = ["SLURM_STEP_NODELIST", "SLURM_JOB_NODELIST"];
/// The word for a store that process 0 holds on the host that the environment names.
const AUTO: &str = "auto";
/// The port of that store, unless MASTER_PORT is set.
const PORT: &str = "7379";

impl Identity {
    /// How long a process waits for the others, unless the user says otherwise.
    pub const TIMEOUT: Duration = Duration::from_secs(600);

    /// The place of this process: options first, then `GOPHER_…` variables, then those that Slurm and Kubernetes set.
    /// `None` for one process alone, which is so unless there is a coordinator: what a scheduler sets does not by itself
    /// make a program wait for others.
    ///
    /// # Errors
    /// [`IdentityError`] when several processes are asked for and their number, index or coordinator is missing or
    /// malformed. No error has a password in it.
    pub fn find(
        given: &Given,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Identity>, IdentityError> {
        // A variable that is set to nothing is a variable that is not set.
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let Some(url) = given.coordinator.clone().or_else(|| variable("GOPHER_COORDINATOR")) else {
            let processes = given.processes.map(|count| ("--processes", count.to_string()));
            let process_id = given.process_id.map(|index| ("--process-id", index.to_string()));
            let variable = variable("GOPHER_PROCESSES").map(|count| ("GOPHER_PROCESSES", count));
            return match processes.or(process_id).or(variable) {
                Some((_, one)) if one == "1" && given.process_id.is_none_or(|index| index == 0) => Ok(None),
                Some((origin, value)) => {
                    Err(IdentityError::NoCoordinator { origin: origin.to_owned(), value })
                }
                None => Ok(None),
            };
        };
        let password = variable("GOPHER_COORDINATOR_PASSWORD");
        let url = if url == AUTO { automatic(variable).ok_or(IdentityError::NoHost)? } else { url };
        let coordinator = Coordinator::parse(&url, password.as_deref())?;
        let unknown = |what, flag, variables| IdentityError::Unknown {
            coordinator: coordinator.to_string(),
            what,
            flag,
            variables,
        };
        let hosts = || {
            let hosts = variable(TPU_HOSTS)?;
            Some((TPU_HOSTS.to_owned(), hosts.split(',').count()))
        };
        let count = number("--processes", given.processes, &COUNTS, variable)?;
        let (origin, count) = count.or_else(hosts).ok_or_else(|| {
            unknown("the number of processes", "--processes", "GOPHER_PROCESSES (Slurm sets SLURM_NTASKS)")
        })?;
        if !(1..=MOST).contains(&count) {
            let expected = format!("from 1 to {MOST}");
            return Err(IdentityError::Number { origin, value: count.to_string(), expected });
        }
        let index = number("--process-id", given.process_id, &INDICES, variable)?;
        let (origin, index) = match index {
            None if count == 1 => return Ok(None),
            None => {
                return Err(unknown(
                    "which process this is",
                    "--process-id",
                    "GOPHER_PROCESS_ID (Slurm sets SLURM_PROCID, Kubernetes JOB_COMPLETION_INDEX)",
                ));
            }
            Some(found) => found,
        };
        if index >= count {
            let expected = format!("from 0 to {}, since there are {count} processes", count - 1);
            return Err(IdentityError::Number { origin, value: index.to_string(), expected });
        }
        Ok((count > 1).then_some(Identity { count, index, coordinator }))
    }
}

/// Where the store is that process 0 holds, by what schedulers and launchers say of its host.
fn automatic(variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let slurm = || SLURM_HOSTS.iter().find_map(|name| variable(name)).map(|list| first_host(&list));
    let tpu = || Some(variable(TPU_HOSTS)?.split(',').next().unwrap_or_default().trim().to_owned());
    let host = variable("MASTER_ADDR").or_else(slurm).or_else(tpu)?;
    let port = variable("MASTER_PORT").unwrap_or_else(|| PORT.to_owned());
    Some(format!("{host}:{port}"))
}

/// The first host of a list as Slurm writes it: of each bracket, the first number.
fn first_host(list: &str) -> String {
    let (mut host, mut in_bracket, mut past_first) = (String::new(), false, false);
    for c in list.trim().chars() {
        match c {
            '[' => (in_bracket, past_first) = (true, false),
            ']' => in_bracket = false,
            ',' if !in_bracket => break,
            '-' | ',' if in_bracket => past_first = true,
            _ if in_bracket && past_first => {}
            _ => host.push(c),
        }
    }
    host
}

/// A number from an option or the first variable that is set, with the name of who says it.
fn number(
    flag: &str,
    given: Option<usize>,
    variables: &[&str],
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<(String, usize)>, IdentityError> {
    if let Some(number) = given {
        return Ok(Some((flag.to_owned(), number)));
    }
    let set = variables.iter().find_map(|&name| Some((name.to_owned(), variable(name)?)));
    let Some((origin, value)) = set else { return Ok(None) };
    match value.trim().parse() {
        Ok(number) => Ok(Some((origin, number))),
        Err(_) => Err(IdentityError::Number { origin, value, expected: "of at least 0".to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `given` has `processes process_id coordinator`, a dash for what is not given. The place as `index/count`.
    fn find(given: &str, variables: &[(&str, &str)]) -> String {
        let words: Vec<Option<&str>> = given.split(' ').map(|word| (word != "-").then_some(word)).collect();
        let given = Given {
            processes: words[0].map(|word| word.parse().unwrap()),
            process_id: words[1].map(|word| word.parse().unwrap()),
            coordinator: words[2].map(str::to_owned),
        };
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        match Identity::find(&given, variable) {
            Ok(Some(Identity { count, index, coordinator })) => format!("{index}/{count} {coordinator}"),
            Ok(None) => "alone".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    const STORE: (&str, &str) = ("GOPHER_COORDINATOR", "redis://store");

    #[test]
    fn options_win_over_our_variables_and_those_over_the_schedulers() {
        let slurm = [("SLURM_NTASKS", "4"), ("SLURM_PROCID", "3"), STORE];
        let kubernetes = [("GOPHER_PROCESSES", "8"), ("JOB_COMPLETION_INDEX", "5"), STORE];
        let step = [("SLURM_NTASKS", "9"), ("SLURM_STEP_NUM_TASKS", "4"), ("SLURM_PROCID", "3"), STORE];
        let ours = [slurm.as_slice(), &[("GOPHER_PROCESSES", "2"), ("GOPHER_PROCESS_ID", "1")]].concat();
        assert_eq!(find("2 1 redis://a:1", &[]), "1/2 redis://a:1");
        assert_eq!(find("- - -", &slurm), "3/4 redis://store:6379");
        assert_eq!(find("- - -", &step), "3/4 redis://store:6379");
        assert_eq!(find("- - -", &kubernetes), "5/8 redis://store:6379");
        assert_eq!(find("- - -", &ours), "1/2 redis://store:6379");
        assert_eq!(find("7 0 redis://b", &ours), "0/7 redis://b:6379");
    }

    #[test]
    fn process_0_holds_the_store_where_its_address_is_given_or_known() {
        assert_eq!(find("2 1 10.0.0.1:7379", &[]), "1/2 10.0.0.1:7379");
        let auto = ("GOPHER_COORDINATOR", "auto");
        let check = |variables: &[(&str, &str)], expected: &str| {
            assert_eq!(find("- - -", &[variables, &[auto]].concat()), expected);
        };
        let hosts = ("TPU_WORKER_HOSTNAMES", "10.0.0.5, 10.0.0.6,10.0.0.7,10.0.0.8");
        check(&[("TPU_WORKER_ID", "3"), hosts], "3/4 10.0.0.5:7379");
        let slurm =
            [("SLURM_NTASKS", "4"), ("SLURM_PROCID", "2"), ("SLURM_JOB_NODELIST", "gpu[003-004,9],cpu1")];
        check(&slurm, "2/4 gpu003:7379");
        let torch = [("WORLD_SIZE", "2"), ("RANK", "0"), ("MASTER_ADDR", "first"), ("MASTER_PORT", "29500")];
        check(&torch, "0/2 first:29500");
        let mpi = [("OMPI_COMM_WORLD_SIZE", "2"), ("OMPI_COMM_WORLD_RANK", "1")];
        assert!(
            find("- - -", &[&mpi[..], &[auto]].concat()).contains("does not say on which host process 0 is")
        );
        assert_eq!(find("- - a:1", &mpi), "1/2 a:1");
        assert_eq!(find("- - -", &torch), "alone");
    }

    #[test]
    fn the_first_host_of_a_list_is_found() {
        for (list, first) in [
            ("node1", "node1"),
            ("node1,node2", "node1"),
            ("gpu[01-04,07],cpu1", "gpu01"),
            ("rack[2,3]-n[10-19].cluster", "rack2-n10.cluster"),
            ("a-b[5]", "a-b5"),
            ("", ""),
        ] {
            assert_eq!(first_host(list), first, "{list}");
        }
    }

    #[test]
    fn a_scheduler_alone_does_not_make_a_program_wait_for_others() {
        assert_eq!(find("- - -", &[("SLURM_NTASKS", "4"), ("SLURM_PROCID", "3")]), "alone");
        assert_eq!(find("- - -", &[("JOB_COMPLETION_INDEX", "5")]), "alone");
        assert_eq!(find("1 0 -", &[]), "alone");
        assert_eq!(find("1 - -", &[STORE]), "alone");
        assert_eq!(find("1 0 redis://a", &[]), "alone");
        assert_eq!(find("- - -", &[("GOPHER_COORDINATOR", "")]), "alone");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let check = |given, variables: &[(&str, &str)], expected: &[&str]| {
            let error = find(given, variables);
            assert!(expected.iter().all(|part| error.contains(part)), "{error}");
        };
        check(
            "2 1 -",
            &[],
            &["--processes 2: ", "--coordinator HOST:PORT", "redis://HOST:PORT, or set GOPHER_COORDINATOR"],
        );
        check("- 1 -", &[], &["--process-id 1: "]);
        check("- - -", &[("GOPHER_PROCESSES", "2")], &["GOPHER_PROCESSES 2: "]);
        check(
            "- 1 redis://a",
            &[],
            &["--coordinator redis://a:6379: the number of processes", "--processes N"],
        );
        check("2 - redis://a", &[], &["which process this is", "--process-id N or set GOPHER_PROCESS_ID"]);
        check("2 2 redis://a", &[], &["--process-id 2: expected a whole number from 0 to 1"]);
        check("0 0 redis://a", &[], &["--processes 0: expected a whole number from 1"]);
        check("- - -", &[STORE, ("SLURM_NTASKS", "four")], &["SLURM_NTASKS four: expected a whole number"]);
        check("2 0 http://a", &[], &["--coordinator http://a: expected HOST:PORT of process 0"]);
    }
}
