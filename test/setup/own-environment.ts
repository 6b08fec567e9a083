import { inject } from 'vitest';
import { ownEnvironment } from './private-home.ts';

// Whatever a test forgets to say, this process has no way to the user's own store.
for (const [name, value] of Object.entries(ownEnvironment(inject('testRoot')))) {
  if (value === undefined) Reflect.deleteProperty(process.env, name);
  else process.env[name] = value;
}
