// The stream of pictures, over fetch instead of EventSource so that it can carry a token where reading needs one.

const RETRY_MS = 1_000;
/** The server sends twice a second; a stream this silent is dead, whatever the socket says. */
const SILENT_MS = 5_000;

let token = sessionStorage.getItem('arbot-token') ?? '';

/** Remembers the token until the tab is closed; never longer. */
export function rememberToken(value) {
  token = value;
  sessionStorage.setItem('arbot-token', value);
}

export function knownToken() {
  return token;
}

/** Calls `onPicture` for each picture, for ever; `onProblem` with a text when the stream fails. */
export async function follow(onPicture, onProblem) {
  for (;;) {
    try {
      await readStream(onPicture, onProblem);
      onProblem('The connection was closed.');
    } catch (error) {
      onProblem(
        error instanceof Error && error.name !== 'AbortError' ? error.message : 'The stream went silent.',
      );
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function readStream(onPicture, onProblem) {
  const abort = new AbortController();
  let silence = setTimeout(() => abort.abort(), SILENT_MS);
  try {
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch('/api/stream', { headers, signal: abort.signal });
    if (!response.ok || response.body === null) throw new Error(`The server answered ${response.status}.`);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENT_MS);
      buffer += value;
      const events = buffer.split('\n\n');
      buffer = events.pop() ?? '';
      for (const event of events) handle(event, onPicture, onProblem);
    }
  } finally {
    clearTimeout(silence);
  }
}

function handle(event, onPicture, onProblem) {
  const lines = event.split('\n');
  const name = lines.find((line) => line.startsWith('event: '))?.slice(7);
  const data = lines.find((line) => line.startsWith('data: '))?.slice(6);
  if (data === undefined) return;
  if (name === 'picture') onPicture(JSON.parse(data));
  else if (name === 'problem') onProblem(JSON.parse(data).message);
}

/** Reads what the stream does not carry. Rejects with what the server says. */
export async function read(path) {
  const headers = token === '' ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(path, { headers });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${answer.message} (${answer.code})`);
  return answer;
}

/** Sends an action. Resolves with null when it was done, else with the reason as text. */
export async function act(path, body, withToken) {
  try {
    const response = await fetch(path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${withToken}`,
        ...(body === null ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === null ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return null;
    const answer = await response.json();
    return `${answer.message} (${answer.code})`;
  } catch (error) {
    return error instanceof Error ? error.message : 'The request failed.';
  }
}
