# JupyterHub, by the Python that it is installed for.
exec "$1" -m jupyterhub --config="$(dirname "$0")/jupyterhub_config.py"
