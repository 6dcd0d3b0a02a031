// Questions to the admin port.

async function read(response) {
  let answer;
  try {
    answer = await response.json();
  } catch {
    throw new Error(`the host answered ${response.status} without saying more`);
  }
  if (!response.ok) {
    throw new Error(answer.error ?? `the host answered ${response.status}`);
  }
  return answer;
}

/** Asks; an Error says what is wrong. */
export async function get(target) {
  return read(await fetch(target));
}

/** Has something done. */
export async function post(target, body) {
  return read(await fetch(target, { method: "POST",
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body) }));
}

/** Runs what a button starts: the button rests meanwhile, and a failure is said in `place`. */
export async function press(button, place, run) {
  button.disabled = true;
  try {
    await run();
  } catch (failure) {
    place.replaceChildren();
    place.append(failure.message);
  } finally {
    button.disabled = false;
  }
}
