/** `hanging-guest.ts HOME CONTROL`: a native build whose guest never ends, for tests that signal it. */
import { nativeBuildCommand } from '../../src/cli/native-build-command.ts';
import { processSession } from '../../src/cli/session.ts';
import { fakedImage, imagePlan } from './faked-image.ts';

const [home = '', control = ''] = process.argv.slice(2);
const env = { HOME: home, PATH: `${home}/bin:/usr/bin:/bin`, TMPDIR: `${home}/tmp` };
const session = { ...processSession(), cwd: home, env };
const open = await fakedImage(
  () => `sleep 1000 &
echo $! >"${home}/child"
echo $$ >"${home}/guest"
echo partial >"$GUEST_UPLOAD/partial"
echo "the guest works"
wait
`,
);
const image = { plan: imagePlan, sources: { offline: true, acceptVariants: [] }, jobs: 2, out: 'out' };
process.exit(await nativeBuildCommand(session, { image, control, distcc: true }, open));
