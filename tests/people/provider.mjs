// An OpenID provider for the tests: oidc-provider as it is, with a knob to make it lie.
// Arguments: its port, the redirect address of the client, and the port it listens on where that is another.
import { createServer } from 'node:http';
import { SignJWT, UnsecuredJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose';
import Provider from 'oidc-provider';

const [port, redirectUri, listensOn = port] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const secret = 'a-secret-of-the-tests-that-is-long-enough';
const told = { account: 'ada', claims: {}, fault: '' };
let asked = [];

const ours = await generateKeyPair('RS256', { extractable: true });
const other = await generateKeyPair('RS256', { extractable: true });
const jwk = { ...(await exportJWK(ours.privateKey)), kid: 'ours', use: 'sig', alg: 'RS256' };

const provider = new Provider(issuer, {
  clients: [{
    client_id: 'catalograph', client_secret: secret, redirect_uris: [redirectUri],
    grant_types: ['authorization_code'], response_types: ['code'],
  }],
  jwks: { keys: [jwk] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: false } },
  pkce: { required: () => true },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  async findAccount(ctx, id) {
    return { accountId: id, claims: async () => ({ sub: id, ...told.claims }) };
  },
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid email profile');
    await grant.save();
    return grant;
  },
});

const sign = (claims, key, kid) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid }).sign(key);
const now = () => Math.floor(Date.now() / 1000);
const lies = {
  nonce: (claims) => sign({ ...claims, nonce: 'another' }, ours.privateKey, 'ours'),
  'no nonce': ({ nonce, ...claims }) => sign(claims, ours.privateKey, 'ours'),
  iss: (claims) => sign({ ...claims, iss: 'https://evil.example' }, ours.privateKey, 'ours'),
  'iss with a slash': (claims) => sign({ ...claims, iss: `${issuer}/` }, ours.privateKey, 'ours'),
  aud: (claims) => sign({ ...claims, aud: 'another' }, ours.privateKey, 'ours'),
  'aud for us by name': (claims) => sign({ ...claims, aud: 'another', azp: 'catalograph' }, ours.privateKey, 'ours'),
  azp: (claims) => sign({ ...claims, aud: ['catalograph', 'another'], azp: 'another' }, ours.privateKey, 'ours'),
  expired: (claims) => sign({ ...claims, exp: now() - 3600, iat: now() - 7200 }, ours.privateKey, 'ours'),
  'no exp': ({ exp, ...claims }) => sign(claims, ours.privateKey, 'ours'),
  'no sub': ({ sub, ...claims }) => sign(claims, ours.privateKey, 'ours'),
  'number as sub': (claims) => sign({ ...claims, sub: 7 }, ours.privateKey, 'ours'),
  at_hash: (claims) => sign({ ...claims, at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }, ours.privateKey, 'ours'),
  'other key': (claims) => sign(claims, other.privateKey, 'ours'),
  'unknown key': (claims) => sign(claims, other.privateKey, 'unknown'),
  'alg none': (claims) => new UnsecuredJWT(claims).encode(),
  'alg HS256': (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'ours' })
    .sign(new TextEncoder().encode(secret)),
  'no token': () => undefined,
  'no JWT': () => 'a.b.c',
};

provider.use(async (ctx, next) => {
  if (ctx.path.startsWith('/interaction/')) {
    ctx.respond = false;
    const result = told.fault === 'denied'
      ? { error: 'access_denied', error_description: '<b>no</b>' }
      : { login: { accountId: told.account } };
    return provider.interactionFinished(ctx.req, ctx.res, result);
  }
  await next();
  if (ctx.path === '/token' && lies[told.fault] && ctx.body.id_token) {
    ctx.body.id_token = await lies[told.fault](decodeJwt(ctx.body.id_token));
  }
  if (ctx.path === '/me' && told.fault === 'user info of somebody else') ctx.body = { ...ctx.body, sub: 'eve' };
});

const serve = provider.callback();
createServer((req, res) => {
  const path = new URL(req.url, issuer).pathname;
  if (path === '/control') {
    let text = '';
    req.on('data', (part) => { text += part; });
    req.on('end', () => {
      const seen = asked;
      asked = [];
      Object.assign(told, { account: 'ada', claims: {}, fault: '' }, JSON.parse(text));
      res.end(JSON.stringify(seen));
    });
    return;
  }
  asked.push(path);
  if (told.fault === `${path} down`) return req.socket.destroy();
  if (told.fault === `${path} silent`) return;
  if (told.fault === `${path} broken`) return res.writeHead(500).end('{}');
  if (told.fault === `${path} elsewhere`) return res.writeHead(302, { Location: '/jwks' }).end();
  if (told.fault === `${path} no JSON`) return res.writeHead(200).end('<html>');
  if (told.fault === `${path} large`) return res.writeHead(200).end(`"${'x'.repeat(300_000)}"`);
  if (told.fault === `${path} another issuer`) {
    return res.writeHead(200).end(JSON.stringify({ issuer: 'https://evil.example' }));
  }
  serve(req, res);
}).listen(Number(listensOn), '127.0.0.1', () => console.log('ready'));
