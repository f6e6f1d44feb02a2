//! How long a data set of AffectNet's size takes to list, and how much memory: 450,000 faces in class
//! folders, in a table (500 MB of text) and with a label file each, made in a temporary folder. Each list
//! is read in a process of its own, and fails above 10 s or 200 MB.
//!
//! ```text
//! cargo bench --bench listing
//! cargo bench --bench listing -- --only table --faces 45000
//! ```

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use leaf_data::{AffectClasses, affect_net, class_folders};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const FACES: usize = 450_000;
const CLASSES: usize = 8;
const MOST_SECONDS: f64 = 10.;
/// 200 MB.
const MOST_MIB: f64 = 200e6 / 1024. / 1024.;

/// Makes the files of so many faces.
type Make = fn(&Path, usize) -> Outcome;

const KINDS: [(&str, Make); 3] = [
    ("folders", folders),
    ("table", table),
    ("annotations", annotations),
];

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |option: &str| {
        let place = arguments.iter().position(|argument| argument == option)?;
        arguments.get(place + 1)
    };
    if let (Some(kind), Some(folder)) = (value("--list"), value("--of")) {
        return list(kind, Path::new(folder));
    }
    let faces = value("--faces").map_or(Ok(FACES), |text| text.parse())?;
    let asked = |(kind, _): &(&str, Make)| value("--only").is_none_or(|only| only == kind);
    for (kind, make) in KINDS.into_iter().filter(asked) {
        let folder = tempfile::tempdir()?;
        make(folder.path(), faces)?;
        let mut child = Command::new(std::env::current_exe()?);
        child.args(["--list", kind, "--of"]).arg(folder.path());
        if !child.status()?.success() {
            return Err(format!("listing {kind} failed").into());
        }
    }
    Ok(())
}

fn list(kind: &str, folder: &Path) -> Outcome {
    let before = peak_mib();
    let start = Instant::now();
    let data = match kind {
        "folders" => class_folders(folder, None)?,
        _ => affect_net(folder, AffectClasses::Eight)?,
    };
    let seconds = start.elapsed().as_secs_f64();
    let faces = data.training().len() + data.test().len();
    let peak = match (peak_mib(), before) {
        (Some(after), Some(before)) => format!("peak {after:.0} MiB ({before:.0} before)"),
        _ => "peak unknown on this system".to_owned(),
    };
    println!("{kind}: {faces} faces in {seconds:.2} s, {peak}");
    match seconds > MOST_SECONDS || peak_mib().is_some_and(|peak| peak > MOST_MIB) {
        true => Err(format!("expected at most {MOST_SECONDS} s and {MOST_MIB:.0} MiB").into()),
        false => Ok(()),
    }
}

/// The largest resident size of this process so far, where the system says it (Linux).
fn peak_mib() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib / 1024.)
}

/// The last hundredth is measured on.
fn part(place: usize, faces: usize) -> usize {
    usize::from(place >= faces - faces / 100)
}

fn folders(folder: &Path, faces: usize) -> Outcome {
    for part in ["train", "test"] {
        for class in 0..CLASSES {
            fs::create_dir_all(folder.join(part).join(class.to_string()))?;
        }
    }
    for place in 0..faces {
        let part = ["train", "test"][part(place, faces)];
        fs::write(
            folder.join(format!("{part}/{}/{place:06}.jpg", place % CLASSES)),
            "",
        )?;
    }
    Ok(())
}

fn table(folder: &Path, faces: usize) -> Outcome {
    fs::create_dir(folder.join("Manually_Annotated_Images"))?;
    let landmarks = vec!["123.45"; 136].join(";");
    let list = |name: &str| fs::File::create(folder.join(name)).map(BufWriter::new);
    let mut lists = [list("training.csv")?, list("validation.csv")?];
    for place in 0..faces {
        let class = place % CLASSES;
        writeln!(
            lists[part(place, faces)],
            "{}/{place:056x}.jpg,134,134,899,899,{landmarks},{class},-0.1,0.2",
            place % 1200
        )?;
    }
    lists.iter_mut().try_for_each(Write::flush)?;
    Ok(())
}

fn annotations(folder: &Path, faces: usize) -> Outcome {
    for part in ["train_set", "val_set"] {
        fs::create_dir_all(folder.join(part).join("images"))?;
        fs::create_dir_all(folder.join(part).join("annotations"))?;
    }
    let header = "{'descr': '<i8', 'fortran_order': False, 'shape': (), }";
    let header = format!("{header:117}\n");
    for place in 0..faces {
        let part = folder.join(["train_set", "val_set"][part(place, faces)]);
        fs::write(part.join(format!("images/{place}.jpg")), "")?;
        let label = ((place % CLASSES) as u64).to_le_bytes();
        let length = (header.len() as u16).to_le_bytes();
        let bytes = [
            b"\x93NUMPY\x01\0".as_slice(),
            &length,
            header.as_bytes(),
            &label,
        ]
        .concat();
        fs::write(part.join(format!("annotations/{place}_exp.npy")), bytes)?;
    }
    Ok(())
}
