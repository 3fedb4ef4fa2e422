import { render } from 'preact';
import { App } from './app.tsx';
import { start, watch } from './state/live.ts';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/panels.css';
import './styles/findings.css';

render(<App />, document.getElementById('app')!);
watch();
start();
