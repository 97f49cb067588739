// How does the card speak with the server? JSON over fetch, a bearer token where one is given, a time limit always.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

export function makeApi(root, token, analyst) {
  const api = { root, token };
  const headers = () => ({
    "Content-Type": "application/json",
    ...(api.token ? { Authorization: `Bearer ${api.token}` } : { "X-Analyst": encodeURIComponent(analyst) }), // a local desk
  });
  const call = async (method, path, body, { keepalive = false, seconds = 20 } = {}) => {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), seconds * 1000);
    try {
      const reply = await fetch(api.root + path, {
        method,
        headers: headers(),
        body: body === undefined ? undefined : JSON.stringify(body),
        keepalive,
        credentials: "same-origin",
        signal: stop.signal,
      });
      const said = await reply.json().catch(() => ({}));
      if (!reply.ok) throw new Refused(reply.status, said?.error?.message ?? `the server answered ${reply.status}`);
      return said;
    } finally {
      clearTimeout(timer);
    }
  };
  api.get = (path) => call("GET", path);
  api.post = (path, body, options) => call("POST", path, body, options);
  return api;
}
