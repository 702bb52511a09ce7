// The audit suite of graphql-http against a running server: one JSON line for each audit.
// node audit.mjs <url of /graphql> <access token>
import { serverAudits } from 'graphql-http';

const [url, token] = process.argv.slice(2);
const fetchWithToken = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...init.headers, authorization: `Bearer ${token}` } });

for (const audit of serverAudits({ url, fetchFn: fetchWithToken })) {
  const result = await audit.fn();
  const body = result.status === 'ok' ? undefined : await result.response.text();
  console.log(JSON.stringify({
    id: audit.id, name: audit.name, status: result.status, reason: result.reason,
    http: result.response?.status, body,
  }));
}
