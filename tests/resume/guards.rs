//! What ends a run early, and that nothing is lost by it.

use std::fs;

use leaf::recipe::Recipe;
use leaf_train::{NonFinite, Observer, Warning};

use crate::place::{Outcome, Place, assert_same};

/// A run whose weights overflow after a few steps.
fn exploding(place: &Place) -> Recipe {
    let mut recipe = place.recipe();
    recipe.train.learning_rate = 1e30;
    recipe.train.checkpoint_every = Some(1);
    // An evaluation of such weights would end the run too.
    recipe.train.eval_every = 1000;
    recipe
}

fn non_finite(error: leaf::Error) -> NonFinite {
    match error {
        leaf::Error::Train(leaf_train::Error::NonFinite(found)) => *found,
        other => panic!("{other}"),
    }
}

#[test]
fn a_loss_that_is_no_number_names_term_faces_and_checkpoint() -> Outcome {
    let place = Place::new()?;
    let error = place.train(&exploding(&place), "run", false, &mut []);
    let error = error.expect_err("no number");
    let text = error.to_string();
    let found = non_finite(error);
    assert!(
        found.terms.iter().any(|(_, value)| !value.is_finite()),
        "{text}"
    );
    assert_eq!(
        (found.faces.labeled.len(), found.faces.unlabeled.len()),
        (4, 8)
    );
    for name in found.faces.labeled.iter().chain(&found.faces.unlabeled) {
        assert!(place.faces().join(name).exists(), "{name} is a file's name");
        assert!(text.contains(name.as_str()), "{text} lacks {name}");
    }
    let checkpoint = found.checkpoint.expect("a checkpoint");
    let last = format!("step-{:08}.json", found.step - 1);
    assert!(checkpoint.ends_with(last), "{text}");
    assert!(
        text.contains("not finite: ") && text.contains("last checkpoint"),
        "{text}"
    );
    // The checkpoint is whole: going on comes to the same step.
    let again = place.train(&exploding(&place), "run", true, &mut []);
    assert_eq!(non_finite(again.expect_err("the same")).step, found.step);
    Ok(())
}

/// Counts the steps that were left out.
#[derive(Default)]
struct Skipped(usize);

impl Observer for Skipped {
    fn on_warning(&mut self, warning: &Warning) -> leaf_train::Result<()> {
        self.0 += usize::from(matches!(warning, Warning::Skipped(_)));
        Ok(())
    }
}

#[test]
fn a_run_whose_every_step_would_be_left_out_ends() -> Outcome {
    let place = Place::new()?;
    let mut recipe = exploding(&place);
    recipe.train.skip_nonfinite = true;
    let mut skipped = Skipped::default();
    let error = place.train(&recipe, "run", false, &mut [&mut skipped]);
    let found = non_finite(error.expect_err("ten in a row"));
    assert_eq!((found.skipped_before, skipped.0), (10, 10));
    let metrics = fs::read_to_string(place.path("run/metrics.jsonl"))?;
    assert!(metrics.contains("\"skipped\":9"), "{metrics}");
    Ok(())
}

#[test]
fn a_lost_data_folder_is_named_and_costs_nothing() -> Outcome {
    let place = Place::new()?;
    let recipe = place.recipe();
    place.train(&recipe, "whole", false, &mut [])?;
    let stopped = place.train_until(&recipe, "run", false, 11, &mut []);
    assert!(stopped.is_err());
    let (faces, away) = (place.faces(), place.path("away"));
    fs::rename(&faces, &away)?;
    let error = place.train(&recipe, "run", true, &mut []);
    let error = error.expect_err("no faces").to_string();
    assert!(error.contains(&faces.display().to_string()), "{error}");
    fs::rename(&away, &faces)?;
    place.train(&recipe, "run", true, &mut [])?;
    assert_same(&place.path("run"), &place.path("whole"))
}

#[test]
fn a_folder_that_cannot_be_made_is_named() -> Outcome {
    let place = Place::new()?;
    fs::write(place.path("run"), "a file in the way")?;
    let error = place.train(&place.recipe(), "run", false, &mut []);
    let error = error.expect_err("a file in the way").to_string();
    assert!(error.starts_with("cannot make the folder"), "{error}");
    assert!(error.contains(&place.path("run").display().to_string()));
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_named_and_keeps_its_checkpoint() -> Outcome {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new()?;
    let recipe = place.recipe();
    place.train(&recipe, "whole", false, &mut [])?;
    assert!(
        place
            .train_until(&recipe, "run", false, 11, &mut [])
            .is_err()
    );
    let checkpoints = place.path("run/checkpoints");
    let mode = |mode| fs::set_permissions(&checkpoints, fs::Permissions::from_mode(mode));
    mode(0o555)?;
    // The system's administrator may write everywhere, and then there is nothing to see.
    let everywhere = fs::write(checkpoints.join("try"), "").is_ok();
    let outcome = place.train(&recipe, "run", true, &mut []);
    mode(0o755)?;
    if everywhere {
        fs::remove_file(checkpoints.join("try"))?;
        outcome?;
    } else {
        let error = outcome.expect_err("read-only").to_string();
        assert!(
            error.starts_with("cannot write") && error.contains("checkpoints"),
            "{error}"
        );
        place.train(&recipe, "run", true, &mut [])?;
    }
    assert_same(&place.path("run"), &place.path("whole"))
}

/// A process whose files cannot grow beyond a few thousand bytes meets a full disk in its next checkpoint.
#[cfg(unix)]
#[test]
fn a_full_disk_is_named_and_costs_nothing() -> Outcome {
    let place = Place::new()?;
    let recipe = place.recipe();
    place.train(&recipe, "whole", false, &mut [])?;
    assert!(
        place
            .train_until(&recipe, "run", false, 11, &mut [])
            .is_err()
    );
    let program = crate::child::command(&place.faces(), &place.path("run"))?;
    let mut limited = std::process::Command::new("sh");
    // Without the signal the write itself fails, as on a full disk.
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    limited.arg(program.get_program()).args(program.get_args());
    limited.envs(
        program
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    let output = limited.output()?;
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "{message}");
    assert!(
        message.contains("checkpoints/step-00000012.safetensors"),
        "{message}"
    );
    let names = fs::read_dir(place.path("run/checkpoints"))?;
    let names: Vec<_> = names
        .map(|entry| entry.map(|e| e.file_name()))
        .collect::<Result<_, _>>()?;
    assert!(
        names
            .iter()
            .all(|name| !name.to_string_lossy().ends_with(".part")),
        "{names:?}"
    );
    place.train(&recipe, "run", true, &mut [])?;
    assert_same(&place.path("run"), &place.path("whole"))
}

#[test]
fn a_run_from_weights_of_its_own_folder_goes_on_without_them() -> Outcome {
    let place = Place::new()?;
    let mut recipe = place.recipe();
    place.train(&recipe, "first", false, &mut [])?;
    for folder in ["whole", "run"] {
        fs::create_dir(place.path(folder))?;
        fs::copy(
            place.path("first/last.safetensors"),
            place.path(folder).join("last.safetensors"),
        )?;
    }
    // The run's first evaluation writes over the weights that it started from.
    recipe.train.checkpoint_every = None;
    recipe.init = Some(place.path("whole/last.safetensors"));
    place.train(&recipe, "whole", false, &mut [])?;
    recipe.init = Some(place.path("run/last.safetensors"));
    assert!(
        place
            .train_until(&recipe, "run", false, 8, &mut [])
            .is_err()
    );
    fs::remove_file(place.path("run/checkpoints/step-00000008.json"))?;
    place.train(&recipe, "run", true, &mut [])?;
    let weights = |folder: &str| fs::read(place.path(folder).join("last.safetensors"));
    assert!(weights("run")? == weights("whole")?);
    Ok(())
}
