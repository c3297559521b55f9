/** Starts the pages. */
import { createRoot } from 'react-dom/client';

import { App } from './App';
import './styles/base.css';
import './styles/frame.css';
import './styles/table.css';
import './styles/parts.css';
import './styles/finding.css';
import './styles/trace.css';
import './styles/flame.css';
import './styles/database.css';
import './styles/explore.css';
import './styles/charts.css';
import './styles/system.css';
import './styles/gateway.css';
import './styles/ledger.css';
import './styles/chrome.css';

const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
